/**
 * The files in which the processes on one database keep their levels, one for each process that is there:
 *
 *     spool.level.json      spool.level.lock      spool.level.name      the first process, also one that is alone
 *     spool.level.2.json    spool.level.2.lock    spool.level.2.name    another one beside it
 *
 * A process has the lock of its file for as long as it lives, and writes beside it who it is: another one takes the
 * same place later, and on the disk of another pod the same path is another file. So a process that is well never
 * writes over the emergency of another one, and nobody takes up the file of a process that is there. A file whose lock
 * is free is what a process has left that has ended. A process that starts takes it up at once. One that runs waits for
 * 25 seconds, as the database does with what a process was in: the next process may begin there, and needs the whole of
 * it. A process that starts reads the files of those that are there, too: it may come after one of them.
 */

// Sequences of calls of Node.js that must not be interrupted halfway: promises fit.
// @effect-diagnostics asyncFunction:off

import { readdir, readFile, stat } from "node:fs/promises"
import { basename, dirname, resolve } from "node:path"
import { Effect, Predicate, type Scope } from "effect"
import * as FileLock from "./FileLock.ts"
import * as SmallFile from "./SmallFile.ts"

/** More processes than ever share a database. One that finds no file keeps its level in memory only. */
const mostFiles = 8
/** Of looks every five seconds. */
const looksBefore = 5

/** What one look has shown. */
export interface Found {
  /** The content of the files of processes that have ended. They are this process's now. */
  readonly left: ReadonlyArray<string>
  /** The content of the files that are not: their processes are there, the next ones may come, or nobody can tell. */
  readonly beside: ReadonlyArray<{ readonly text: string; readonly isLocked: boolean }>
  /** The names of the processes that were there when this one began, also of those that keep nothing. */
  readonly living: ReadonlySet<string>
}

/** What its process knows of the files. */
export interface Owner {
  /** The name of the process. */
  readonly name: string
  /** What the own file has to have, `undefined`: none. */
  readonly content: () => string | undefined
  /** Is called with what was found, before anything else is done with a file. */
  readonly found: (found: Found) => void
}

interface Held {
  readonly path: string
  readonly lock: FileLock.FileLock
}

interface Own extends Held {
  /** That of the file that is locked. */
  readonly inode: number | undefined
}

/** The paths of the files, by that of the first one. */
const pathsOf = (first: string): ReadonlyArray<string> =>
  Array.from({ length: mostFiles }, (_, index) =>
    index === 0 ? first : first.replace(/(\.json)?$/, `.${index + 1}$1`)
  )

const besideOf = (path: string, what: "lock" | "name"): string => `${path.replace(/\.json$/, "")}.${what}`

const textOf = (path: string): Promise<string | undefined> => readFile(path, "utf8").catch(() => undefined)

/** `undefined`: nobody can tell. */
const lockAt = (path: string): Promise<FileLock.FileLock | "taken" | undefined> =>
  FileLock.take(besideOf(path, "lock")).then(
    (lock) => lock ?? "taken",
    () => undefined
  )

/** `undefined`: nobody can tell. 0: there is no file. */
const lockInode = (path: string): Promise<number | undefined> =>
  stat(besideOf(path, "lock")).then(
    ({ ino }) => ino,
    (cause: unknown) => (Predicate.hasProperty(cause, "code") && cause.code === "ENOENT" ? 0 : undefined)
  )

/** The files as one process has them. */
class LevelFiles {
  readonly #paths: ReadonlyArray<string>
  readonly #owner: Owner
  #own: Own | undefined
  /** Where the own file was when its lock was removed. */
  #lost: string | undefined
  #hasBegun = false
  #hasLooked = false
  /** Of processes that have ended. They go once what was in them is stored elsewhere. */
  #left: ReadonlyArray<Held> = []
  /** How often the file of a process that has ended was seen. */
  #looks = new Map<string, number>()
  #living: ReadonlySet<string> = new Set()
  #isClosed = false
  /** Whether the name is beside the own lock. */
  #isNamed = false
  /** The disk has not done what was asked of it last. */
  #isUnstored = false

  constructor(first: string, owner: Owner) {
    this.#paths = pathsOf(first)
    this.#owner = owner
  }

  /** Finds what processes have left that have ended, and what the others keep. Takes a file of its own first. */
  readonly find = async (): Promise<void> => {
    const isStart = !this.#hasBegun
    const isFirst = !this.#hasLooked
    this.#hasLooked = true
    await this.#leaveLost()
    const isPlaced = this.#own !== undefined
    const names = new Set(await readdir(dirname(resolve(this.#paths[0] ?? ""))).catch(() => []))
    const taken = new Set([this.#own, ...this.#left].map((held) => held?.path))
    const free = this.#paths
      .filter((path) => !taken.has(path) && (!isPlaced || names.has(basename(path))))
      .toSorted((left, right) => Number(right === this.#lost) - Number(left === this.#lost))
    const looks = new Map<string, number>()
    const left: Array<string> = []
    const beside: Array<Found["beside"][number]> = []
    const living = new Set<string>()
    await Array.fromAsync(free, async (path) => {
      const lock = this.#isClosed ? undefined : await lockAt(path)
      const text = await textOf(path)
      if (lock === undefined) {
        // Nobody can ever remove it. So it is where this process begins, and no emergency that lasts beside it.
        if (text !== undefined && isFirst) beside.push({ text, isLocked: false })
        return
      }
      if (lock === "taken") {
        const name = await textOf(besideOf(path, "name"))
        if (name !== undefined) living.add(name)
        if (text !== undefined) beside.push({ text, isLocked: true })
        return
      }
      const seen = this.#looks.get(path) ?? 0
      looks.set(path, seen + 1)
      const isBack = this.#own === undefined && path === this.#lost
      const isTaken = text !== undefined && (isStart || isBack || seen >= looksBefore)
      if (this.#own === undefined && (isTaken || text === undefined)) await this.#begin({ path, lock })
      else if (isTaken) this.#left = [...this.#left, { path, lock }]
      else lock.close()
      if (text === undefined) return
      if (isTaken) left.push(text)
      else beside.push({ text, isLocked: false })
    })
    this.#looks = looks
    if (isStart) this.#living = living
    this.#owner.found({ left, beside, living: this.#living })
    await this.#sayName()
    // An outdated file would count as what this process is in for as long as it lives, and longer.
    if (this.#isUnstored && this.#own !== undefined) await this.store().catch(() => {})
  }

  /** The name of the one before goes first: that needs no space on a full disk. */
  async #begin(held: Held): Promise<void> {
    this.#own = { ...held, inode: await lockInode(held.path) }
    this.#hasBegun = true
    this.#isNamed = false
    await SmallFile.remove(besideOf(held.path, "name")).catch(() => {})
    await this.#sayName()
  }

  /**
   * Where the folder was emptied, the lock is on a file that nobody finds any more. Another process would take the same
   * place, and this one would count as ended. So it takes a place again.
   */
  async #leaveLost(): Promise<void> {
    if (this.#own?.inode === undefined) return
    const inode = await lockInode(this.#own.path)
    if (inode === undefined || (inode > 0 && inode === this.#own.inode)) return
    this.#own.lock.close()
    this.#lost = this.#own.path
    this.#own = undefined
    if (this.#owner.content() !== undefined) this.#isUnstored = true
  }

  /** A process without a name counts as one that has ended, so it tries that again. */
  async #sayName(): Promise<void> {
    if (this.#own === undefined || this.#isNamed) return
    const path = besideOf(this.#own.path, "name")
    this.#isNamed = await SmallFile.replace(path, this.#owner.name).then(
      () => true,
      () => false
    )
  }

  /** Writes the own file, or removes it, as it has to be now. Then nobody needs those that others have left. */
  readonly store = async (): Promise<void> => {
    await this.#leaveLost()
    if (this.#own === undefined && !this.#isClosed) await this.find()
    if (this.#own === undefined) return
    this.#isUnstored = true
    await this.#sayName()
    const content = this.#owner.content()
    await (content === undefined ? SmallFile.remove(this.#own.path) : SmallFile.replace(this.#own.path, content))
    await Array.fromAsync(this.#left, async (held) => {
      await SmallFile.remove(held.path)
      held.lock.close()
      this.#left = this.#left.filter((each) => each !== held)
    })
    this.#isUnstored = false
  }

  readonly close = (): void => {
    this.#isClosed = true
    for (const held of [this.#own, ...this.#left]) held?.lock.close()
    this.#own = undefined
    this.#left = []
  }
}

/** The files, of which the first one is at `first`. The locks end with the scope, after what is under way. */
export const make = (first: string, owner: Owner): Effect.Effect<SmallFile.SmallFile<void>, never, Scope.Scope> =>
  Effect.suspend(() => {
    const files = new LevelFiles(first, owner)
    const folder = dirname(resolve(first))
    const self = SmallFile.of(folder, files.find, files.store)
    return Effect.as(
      Effect.addFinalizer(() => Effect.sync(() => void SmallFile.inTurn(folder, async () => files.close()))),
      self
    )
  })
