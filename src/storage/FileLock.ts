/**
 * A lock that the operating system releases when the process ends, however it ends. It is one of SQLite on an empty
 * file, because Node.js has no file locks.
 */

// A sequence of calls of Node.js that must not be interrupted halfway: promises fit.
// @effect-diagnostics asyncFunction:off

import { open, readdir } from "node:fs/promises"
import { dirname } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { resultCode } from "./sqlite/Sqlite.ts"

const busy = 5

/** A lock that this process has. */
export interface FileLock {
  readonly close: () => void
}

/**
 * Makes the file, and reads what is there. SQLite holds up the whole process while it opens a file, so it is only
 * called after the disk has answered.
 */
const touch = async (path: string): Promise<void> => {
  await (await open(path, "a", 0o600)).close()
  // What SQLite looks for beside it.
  await readdir(dirname(path))
  const handle = await open(path, "r")
  try {
    await handle.read(Buffer.alloc(1), 0, 1, 0)
  } finally {
    await handle.close()
  }
}

/**
 * Locks the file at a path, in a folder that has to exist. It stays empty. `undefined`: another process, or another
 * part of this one, has the lock.
 */
export const take = async (path: string): Promise<FileLock | undefined> => {
  await touch(path)
  const database = new DatabaseSync(path, { timeout: 0 })
  try {
    database.exec("begin exclusive")
    return database
  } catch (cause) {
    database.close()
    if (((resultCode(cause) ?? 0) & 0xff) !== busy) throw cause
    return undefined
  }
}
