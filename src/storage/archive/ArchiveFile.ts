/** The files of the archive: JSON lines, compressed, readable by their owner alone, and on disk when they are complete. */

import { createHash, createPrivateKey, type KeyObject } from "node:crypto"
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs"
import { dirname, join } from "node:path"
import { gzipSync } from "node:zlib"
import { Effect } from "effect"
import { ArchiveError } from "../Archive.ts"
import { newKey } from "./Checkpoint.ts"

const codeOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "failed"

/** Runs file operations. The error names the path and the system's code. */
const attempt = <A>(path: string, verb: string, body: () => A): Effect.Effect<A, ArchiveError> =>
  Effect.try({ try: body, catch: (cause) => new ArchiveError({ path, detail: `cannot be ${verb}: ${codeOf(cause)}` }) })

export interface ArchiveFile {
  readonly append: (lines: ReadonlyArray<unknown>) => Effect.Effect<void, ArchiveError>
  /** Puts the file on disk under its name and returns its SHA-256. */
  readonly complete: Effect.Effect<string, ArchiveError>
}

/** Begins a file. An incomplete file of an earlier run with the same name is replaced. */
export const begin = (directory: string, name: string): Effect.Effect<ArchiveFile, ArchiveError> => {
  const path = join(directory, name)
  const temporary = `${path}.part`
  return attempt(path, "created", () => {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    const file = openSync(temporary, "w", 0o600)
    const digest = createHash("sha256")
    return {
      append: (lines) =>
        attempt(path, "written", () => {
          // Compressed parts, one after the other, are a valid compressed file.
          const part = gzipSync(lines.map((line) => `${JSON.stringify(line)}\n`).join(""))
          digest.update(part)
          for (let written = 0; written < part.length;) written += writeSync(file, part, written)
        }),
      complete: attempt(path, "completed", () => {
        fsyncSync(file)
        closeSync(file)
        renameSync(temporary, path)
        const folder = openSync(directory, "r")
        fsyncSync(folder)
        closeSync(folder)
        return digest.digest("hex")
      })
    }
  })
}

/** The SHA-256 of a file; `undefined` if it does not exist. */
export const sha256Of = (directory: string, name: string): Effect.Effect<string | undefined, ArchiveError> => {
  const path = join(directory, name)
  return attempt(path, "read", () => {
    try {
      return createHash("sha256").update(readFileSync(path)).digest("hex")
    } catch (cause) {
      if (codeOf(cause) === "ENOENT") return undefined
      throw cause
    }
  })
}

/** The private key in a PEM file, which is created when it is missing. */
export const keyOf = (path: string): Effect.Effect<KeyObject, ArchiveError> =>
  attempt(path, "used as a key", () => {
    try {
      return createPrivateKey(readFileSync(path))
    } catch (cause) {
      if (codeOf(cause) !== "ENOENT") throw cause
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      const file = openSync(path, "wx", 0o600)
      const key = newKey()
      writeSync(file, key)
      fsyncSync(file)
      closeSync(file)
      return createPrivateKey(key)
    }
  })
