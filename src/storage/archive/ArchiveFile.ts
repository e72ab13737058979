/** The files of the archive: JSON lines, compressed, readable by their owner alone, and on disk when they are complete. */

import { createHash, createPrivateKey, hash, type KeyObject } from "node:crypto"
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync
} from "node:fs"
import { dirname, join } from "node:path"
import { gzipSync } from "node:zlib"
import { Clock, Effect, Random } from "effect"
import { ArchiveError } from "../Archive.ts"
import { newKey } from "./Checkpoint.ts"

const codeOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "failed"

/** Runs file operations. The error names the path and the system's code. */
const attempt = <A>(path: string, verb: string, body: () => A): Effect.Effect<A, ArchiveError> =>
  Effect.try({ try: body, catch: (cause) => new ArchiveError({ path, detail: `cannot be ${verb}: ${codeOf(cause)}` }) })

export interface ArchiveFile {
  /** Appends lines of JSON. */
  readonly append: (lines: ReadonlyArray<string>) => Effect.Effect<void, ArchiveError>
  /** Puts the whole content on disk and returns its SHA-256. The file has no name yet. */
  readonly complete: Effect.Effect<string, ArchiveError>
  /** Gives the file its name, in place of one that a crash left. May be repeated. Throws a system error. */
  readonly publish: () => void
  /** Closes the file, and removes what has no name. A part that cannot be removed is removed with the stale ones. */
  readonly end: Effect.Effect<void>
}

const staleAfterMs = 24 * 3_600_000

/**
 * Removes parts that a crash left long ago. A younger one may be of a process that is still writing it, or that renames
 * or removes it at this moment.
 */
const removeStale = (directory: string, nowMs: number): void => {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name)
    const part = name.endsWith(".part") ? statSync(path, { throwIfNoEntry: false }) : undefined
    if (part !== undefined && nowMs - part.mtimeMs > staleAfterMs) rmSync(path, { force: true })
  }
}

/** Begins a file, which ends with the scope. Two processes never write the same one. */
export const begin = Effect.fnUntraced(function* (directory: string, name: string) {
  const path = join(directory, name)
  const temporary = `${path}.${process.pid}-${yield* Random.nextInt}.part`
  const nowMs = yield* Clock.currentTimeMillis
  const opened = attempt(path, "created", (): ArchiveFile => {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    removeStale(directory, nowMs)
    const file = openSync(temporary, "wx", 0o600)
    const inode = fstatSync(file).ino
    const digest = createHash("sha256")
    let isOpen = true
    const close = () => {
      if (!isOpen) return
      isOpen = false
      closeSync(file)
    }
    return {
      append: (lines) =>
        attempt(path, "written", () => {
          // Compressed parts, one after the other, are a valid compressed file.
          const part = gzipSync(lines.map((line) => `${line}\n`).join(""))
          digest.update(part)
          for (let written = 0; written < part.length;) written += writeSync(file, part, written)
        }),
      complete: attempt(path, "completed", () => {
        fsyncSync(file)
        close()
        return digest.digest("hex")
      }),
      publish: () => {
        if (existsSync(temporary)) renameSync(temporary, path)
        else if (statSync(path).ino !== inode) throw new Error("another process replaced it")
        const folder = openSync(directory, "r")
        fsyncSync(folder)
        closeSync(folder)
      },
      end: Effect.ignore(
        attempt(path, "ended", () => {
          close()
          rmSync(temporary, { force: true })
        })
      )
    }
  })
  return yield* Effect.acquireRelease(opened, ({ end }) => end)
})

/** The SHA-256 of a file; `undefined` if it does not exist. */
export const sha256Of = (directory: string, name: string): Effect.Effect<string | undefined, ArchiveError> => {
  const path = join(directory, name)
  return attempt(path, "read", () => {
    try {
      return hash("sha256", readFileSync(path))
    } catch (cause) {
      if (codeOf(cause) === "ENOENT") return undefined
      throw cause
    }
  })
}

/** Creates a file with a new key, as a whole or not at all. */
const createKey = (path: string): void => {
  const temporary = `${path}.${process.pid}.part`
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  rmSync(temporary, { force: true })
  const file = openSync(temporary, "wx", 0o600)
  writeSync(file, newKey())
  fsyncSync(file)
  closeSync(file)
  try {
    // Unlike a rename, a link never replaces the key that another process created meanwhile.
    linkSync(temporary, path)
  } catch (cause) {
    // Some file systems have no links.
    if (codeOf(cause) !== "EEXIST") renameSync(temporary, path)
  } finally {
    rmSync(temporary, { force: true })
  }
}

/** The private key in a PEM file; `undefined` if it does not exist. */
export const keyOf = (path: string): Effect.Effect<KeyObject | undefined, ArchiveError> =>
  attempt(path, "used as a key", () => {
    try {
      return createPrivateKey(readFileSync(path))
    } catch (cause) {
      if (codeOf(cause) === "ENOENT") return undefined
      throw cause
    }
  })

/** A new private key, in a new PEM file. */
export const newKeyIn = (path: string): Effect.Effect<KeyObject, ArchiveError> =>
  attempt(path, "created as a key", () => {
    createKey(path)
    return createPrivateKey(readFileSync(path))
  })
