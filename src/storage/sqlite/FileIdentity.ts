/**
 * Notices that the files of a database were deleted, replaced or overwritten while it is open.
 *
 * SQLite does not notice: it keeps writing to the deleted file, every commit succeeds, and everything is lost when the
 * process ends. An alert that is acknowledged then would be lost.
 */

import { realpathSync, statSync } from "node:fs"
import { StorageError } from "../StorageError.ts"

const unavailable = (detail: string) =>
  new StorageError({ reason: "unavailable", operation: "begin", retryable: true, committed: "no", detail })

/** A network file system may not respond, or may no longer know the file. */
const filesOf = (path: string) => {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "failed"
    throw unavailable(`${path} cannot be looked at: ${code}`)
  }
}

const realOf = (path: string): string => {
  try {
    return realpathSync(path)
  } catch {
    // The first look says why.
    return path
  }
}

const identityOf = (found: ReturnType<typeof filesOf>): string | undefined =>
  found === undefined ? undefined : `${found.dev}:${found.ino}`

/** The smallest page of a database. */
const leastBytes = 512

/**
 * Returns a function that fails unless the files are those that were there when it was made. Without the index of the
 * write-ahead log, another process that opens the database would not see our locks, and could overwrite our commits.
 *
 * A database that became smaller was overwritten in place, for example by an older copy. Only a process that compacts
 * it makes it smaller: `othersWrote` says whether another process has written to the database.
 */
export const make = (filename: string): ((othersWrote: boolean) => void) => {
  if (filename === ":memory:") return () => {}
  const database = identityOf(filesOf(filename))
  // SQLite keeps the log beside the file that a link leads to.
  const real = realOf(filename)
  let bytes = leastBytes
  let log: string | undefined
  let index: string | undefined
  return (othersWrote) => {
    const now = filesOf(filename)
    const logNow = identityOf(filesOf(`${real}-wal`))
    const indexNow = identityOf(filesOf(`${real}-shm`))
    log ??= logNow
    index ??= indexNow
    const isWhole = now !== undefined && now.size >= (othersWrote ? leastBytes : bytes)
    if (isWhole && identityOf(now) === database && logNow === log && indexNow === index) {
      bytes = now.size
      return
    }
    throw unavailable(
      `${filename} or its write-ahead log was deleted, replaced or overwritten: put it back, or restart Kubernaut`
    )
  }
}
