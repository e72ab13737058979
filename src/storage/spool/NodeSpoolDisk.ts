/**
 * The folder of the spool on the file system: the folder for its owner alone (0700), as are its files (0600).
 *
 * Operations are asynchronous, so a disk that hangs does not hang the service.
 */

// Each operation is one sequence of calls of Node.js that must not be interrupted halfway: promises fit.
// @effect-diagnostics asyncFunction:off

import { type FileHandle, mkdir, open, readdir, rename, rm } from "node:fs/promises"
import { join } from "node:path"
import { Duration, Effect, Schema, type Scope } from "effect"
import * as FileLock from "../FileLock.ts"
import * as FileOperations from "../FileOperations.ts"
import { adopt } from "./SpoolAdoption.ts"
import { type SpoolDisk, SpoolFault } from "./SpoolDisk.ts"
import * as SpoolPlace from "./SpoolPlace.ts"

const codeOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "failed"

const faultOf = (path: string, cause: unknown): SpoolFault => {
  const code = codeOf(cause)
  const detail = `${path}: ${code}`
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return new SpoolFault({ reason: "full", detail })
    case "EROFS":
    case "EACCES":
    case "EPERM":
      return new SpoolFault({ reason: "read-only", detail })
    default:
      return new SpoolFault({ reason: "failed", detail })
  }
}

const attempt = <A>(path: string, body: () => Promise<A>): Effect.Effect<A, SpoolFault> =>
  Effect.tryPromise({
    try: () => FileOperations.run(body),
    catch: (cause) => (Schema.is(SpoolFault)(cause) ? cause : faultOf(path, cause))
  })

/** A disk may take fewer bytes than it is given. */
const writeFully = async (handle: FileHandle, content: Uint8Array, offset: number): Promise<void> => {
  if (content.length === 0) return
  const { bytesWritten } = await handle.write(content, 0, content.length, offset)
  await writeFully(handle, content.subarray(bytesWritten), offset + bytesWritten)
}

const closeWithin = Duration.seconds(2)

/** Makes the folder, and its lock. */
const takeLock = async (directory: string): Promise<FileLock.FileLock> => {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const lock = await FileLock.take(join(directory, "lock"))
  if (lock !== undefined) return lock
  throw new SpoolFault({ reason: "locked", detail: `another process has ${directory}` })
}

const lockDuring = async (root: string): Promise<() => void> => {
  const lock = await takeLock(root)
  return () => lock.close()
}

class NodeSpoolDisk implements SpoolDisk {
  readonly lock: SpoolDisk["lock"]
  readonly files: SpoolDisk["files"]
  readonly claim: SpoolDisk["claim"]
  /** Of one service, once it is locked. */
  #directory: string
  readonly #handles = new Map<string, FileHandle>()
  #lock: FileLock.FileLock | undefined
  #isClosed = false

  constructor(directory: string, owner?: SpoolPlace.SpoolOwner) {
    this.#directory = directory
    this.lock = Effect.suspend(() => (this.#lock === undefined ? this.#open(directory, owner) : Effect.void))
    this.files = Effect.suspend(() => attempt(this.#directory, () => readdir(this.#directory)))
    this.claim = (identity) =>
      Effect.flatMap(
        Effect.suspend(() => attempt(this.#directory, () => SpoolPlace.claim(this.#directory, identity, owner))),
        (others) =>
          others.length === 0
            ? Effect.void
            : Effect.logError("Alerts of this database wait in other folders of the spool. Move their files by hand", {
                folders: others
              })
      )
  }

  /** Makes and locks the folder. */
  #open(root: string, owner: SpoolPlace.SpoolOwner | undefined): Effect.Effect<void, SpoolFault> {
    return Effect.flatMap(
      attempt(root, async () => {
        const directory = owner === undefined ? root : SpoolPlace.folderOf(root, owner)
        const lock = await takeLock(directory)
        try {
          const left = owner === undefined ? [] : await adopt(root, directory, owner, lockDuring)
          if (this.#isClosed) throw new SpoolFault({ reason: "failed", detail: `${directory} is closed` })
          this.#directory = directory
          this.#lock = lock
          return left
        } catch (cause) {
          lock.close()
          throw cause
        }
      }),
      (left) =>
        left.length === 0
          ? Effect.void
          : Effect.logError(
              "An earlier version has left alerts in the spool, and nobody knows whose they are. Move the files into the folder of the database that they belong to",
              { files: left }
            )
    )
  }

  readonly create: SpoolDisk["create"] = (name, reservedBytes) =>
    this.#on(name, async (path) => {
      const handle = await open(path, "wx+", 0o600)
      try {
        // Zeros, which a file system has to store: a length that is only set has no space of its own.
        await writeFully(handle, new Uint8Array(reservedBytes), 0)
        await handle.sync()
        await this.#syncFolder()
        this.#handles.set(name, handle)
      } catch (cause) {
        await handle.close()
        await rm(path, { force: true })
        throw cause
      }
    })

  readonly read: SpoolDisk["read"] = (name, offset = 0, length) =>
    this.#on(name, async () => {
      const handle = await this.#handleOf(name)
      const size = length ?? Math.max(0, (await handle.stat()).size - offset)
      const buffer = Buffer.alloc(size)
      const { bytesRead } = await handle.read(buffer, 0, size, offset)
      return buffer.subarray(0, bytesRead)
    })

  readonly write: SpoolDisk["write"] = (name, offset, content) =>
    this.#on(name, async () => writeFully(await this.#handleOf(name), content, offset))

  readonly sync: SpoolDisk["sync"] = (name) => this.#on(name, async () => (await this.#handleOf(name)).sync())

  readonly cut: SpoolDisk["cut"] = (name, bytes) =>
    this.#on(name, async () => {
      const handle = await this.#handleOf(name)
      if ((await handle.stat()).size > bytes) await handle.truncate(bytes)
      await handle.sync()
    })

  readonly rename: SpoolDisk["rename"] = (from, to) =>
    this.#on(from, async (path) => {
      await this.#forget(from)
      await rename(path, join(this.#directory, to))
      await this.#syncFolder()
    })

  readonly remove: SpoolDisk["remove"] = (name) =>
    this.#on(name, async (path) => {
      await this.#forget(name)
      await rm(path, { force: true })
      await this.#syncFolder()
    })

  /** Closes its files, and gives the folder to others. */
  async close(): Promise<void> {
    this.#isClosed = true
    // One after the other, as everything here: a disk that hangs takes one thread of Node.js.
    await Array.fromAsync(this.#handles.values(), (handle) => handle.close().catch(() => {}))
    this.#lock?.close()
  }

  #on<A>(name: string, body: (path: string) => Promise<A>): Effect.Effect<A, SpoolFault> {
    const path = join(this.#directory, name)
    return attempt(path, () => body(path))
  }

  async #handleOf(name: string): Promise<FileHandle> {
    const known = this.#handles.get(name)
    if (known !== undefined) return known
    const opened = await open(join(this.#directory, name), "r+")
    this.#handles.set(name, opened)
    return opened
  }

  async #forget(name: string): Promise<void> {
    const known = this.#handles.get(name)
    this.#handles.delete(name)
    await known?.close()
  }

  /** A name is on disk only when its folder is. */
  async #syncFolder(): Promise<void> {
    const folder = await open(this.#directory, "r")
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  }
}

/** The disk for one folder, or for that of `owner` in it. Its lock and its open files end with the scope. */
export const make = (directory: string, owner?: SpoolPlace.SpoolOwner): Effect.Effect<SpoolDisk, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new NodeSpoolDisk(directory, owner)),
    // The system closes what hangs, when the process ends.
    (disk) =>
      Effect.timeoutOption(
        Effect.promise(() => FileOperations.run(() => disk.close())),
        closeWithin
      )
  )
