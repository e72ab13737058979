/**
 * Small files that outlive the process: read within a time limit, and replaced as a whole.
 *
 * Their disk may hang, and nothing waits for that: neither a start nor a message to people. Each operation takes one of
 * the few threads of Node.js, which also look up the names of hosts, and an operation that hangs does not give it back.
 * So the small files of one folder have one operation at a time together. Of a file at most one read is under way, and
 * at most one write waits for its turn, whatever is asked meanwhile.
 */

// Sequences of calls of Node.js that must not be interrupted halfway: promises fit.
// @effect-diagnostics asyncFunction:off

import { open, readFile, rename, rm } from "node:fs/promises"
import { dirname, resolve } from "node:path"
import { Effect, Option } from "effect"
import * as TimeLimit from "../resilience/TimeLimit.ts"
import * as FileOperations from "./FileOperations.ts"

/** How long anything waits for the disk. */
export const patience = "2 seconds"

/** The last operation of each folder: the next one begins when it has ended. */
const last = new Map<string, Promise<unknown>>()

/** Does an operation when those before it in the folder have ended. */
export const inTurn = <A>(folder: string, operation: () => Promise<A>): Promise<A> =>
  FileOperations.run(() => {
    const turn = (last.get(folder) ?? Promise.resolve()).then(operation)
    const ended = turn
      .catch(() => {})
      .then(() => {
        if (last.get(folder) === ended) last.delete(folder)
      })
    last.set(folder, ended)
    return turn
  })

/** An operation that is asked for again before it has begun is done once. */
const once = (folder: string, operation: () => Promise<void>): (() => Promise<void>) => {
  let waiting: Promise<void> | undefined
  return () =>
    (waiting ??= inTurn(folder, () => {
      waiting = undefined
      return operation()
    }))
}

/**
 * Replaces a file as a whole: after a crash it has its old content or the new one. Only the owner of the process may
 * read it. Makes no folder, and leaves it to the caller to sync the folder.
 */
export const replace = async (path: string, content: string): Promise<void> => {
  const handle = await open(`${path}.new`, "w", 0o600)
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(`${path}.new`, path)
}

/** Removing a file needs no space on a full disk. */
export const remove = (path: string): Promise<void> => rm(path, { force: true })

/** One file, or some that are read and stored together. */
export interface SmallFile<A> {
  /** Its content; `None` if it cannot be read, or not in time. */
  readonly read: Effect.Effect<Option.Option<A>>
  /** As `read`, and waits for its disk. */
  readonly answer: Effect.Effect<A>
  /** Stores what there is to store when the disk is free. Never fails. Begins at once; nobody has to wait. */
  readonly store: () => Promise<void>
}

/** What is read by `find`, which never fails, and stored by `save`, as it has to be when that is called. */
export const of = <A>(folder: string, find: () => Promise<A>, save: () => Promise<void>): SmallFile<A> => {
  const excuses = new TimeLimit.Excuses()
  let reading: Promise<A> | undefined
  const begin = () =>
    (reading ??= inTurn(folder, async () => {
      const found = await find()
      reading = undefined
      return found
    }))
  const inTime = (finding: Promise<A>): Effect.Effect<Option.Option<A>> =>
    Effect.asSome(Effect.promise(() => finding)).pipe(
      // Where this process stood still, the content may be there all the same.
      TimeLimit.within(excuses, patience, (isExcused) => (isExcused ? inTime(finding) : Effect.succeedNone))
    )
  return {
    read: Effect.suspend(() => inTime(begin())),
    answer: Effect.promise(begin),
    store: once(folder, () => save().catch(() => {}))
  }
}

/** The file at a path; none if it cannot be read. `store` writes it, or removes it, as it has to be when it is called. */
export const at = (path: string, store: (path: string) => Promise<void>) => {
  const {
    answer,
    read,
    store: save
  } = of(
    dirname(resolve(path)),
    () => readFile(path, "utf8").then(Option.some, () => Option.none<string>()),
    () => store(path)
  )
  return { answer, read: Effect.map(read, Option.flatten), store: save }
}
