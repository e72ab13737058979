/**
 * Notices that the files of a database were deleted or replaced while it is open.
 *
 * SQLite does not notice: it keeps writing to the deleted file, every commit succeeds, and everything is lost when the
 * process ends. An alert that is acknowledged then would be lost.
 */

import { statSync } from "node:fs"
import { StorageError } from "../StorageError.ts"

const identityOf = (path: string): string | undefined => {
  const found = statSync(path, { throwIfNoEntry: false })
  return found === undefined ? undefined : `${found.dev}:${found.ino}`
}

/**
 * Returns a function that fails unless the files are those that were there when it was made. Without the index of the
 * write-ahead log, another process that opens the database would not see our locks, and could overwrite our commits.
 */
export const make = (filename: string): (() => void) => {
  if (filename === ":memory:") return () => {}
  const database = identityOf(filename)
  let log: string | undefined
  let index: string | undefined
  return () => {
    const logNow = identityOf(`${filename}-wal`)
    const indexNow = identityOf(`${filename}-shm`)
    log ??= logNow
    index ??= indexNow
    if (identityOf(filename) === database && logNow === log && indexNow === index) return
    throw new StorageError({
      reason: "unavailable",
      operation: "begin",
      retryable: true,
      committed: "no",
      detail: `${filename} or its write-ahead log was deleted or replaced: put it back, or restart Kubernaut`
    })
  }
}
