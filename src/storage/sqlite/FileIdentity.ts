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

/** Returns a function that fails unless the files are those that were there when it was made. */
export const make = (filename: string): (() => void) => {
  if (filename === ":memory:") return () => {}
  const database = identityOf(filename)
  let log: string | undefined
  return () => {
    const logNow = identityOf(`${filename}-wal`)
    log ??= logNow
    if (identityOf(filename) === database && logNow === log) return
    throw new StorageError({
      reason: "unavailable",
      operation: "begin",
      retryable: true,
      committed: "no",
      detail: `${filename} or its write-ahead log was deleted or replaced: put it back, or restart Kubernaut`
    })
  }
}
