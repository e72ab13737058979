/** Small files that outlive the process: read within a time limit, and replaced as a whole. */

import { open, readFile, rename } from "node:fs/promises"
import { Effect, Option } from "effect"
import * as FileOperations from "./FileOperations.ts"

// One sequence of calls of Node.js that must not be interrupted halfway: a promise fits.
// @effect-diagnostics asyncFunction:off

/** Its disk may hang, and nothing may wait for that: neither a start nor a message to people. */
export const patience = "2 seconds"

/**
 * Returns an effect that reads a file, as none if it cannot be read in time. While a read hangs no other one begins:
 * each would take one of the few threads of Node.js.
 */
export const reader = (path: string): Effect.Effect<Option.Option<string>> => {
  let reading: Promise<Option.Option<string>> | undefined
  return Effect.suspend(() => {
    reading ??= FileOperations.run(() => readFile(path, "utf8"))
      .then(Option.some, () => Option.none<string>())
      .finally(() => {
        reading = undefined
      })
    const current = reading
    return Effect.map(
      Effect.timeoutOption(
        Effect.promise(() => current),
        patience
      ),
      Option.flatten
    )
  })
}

/**
 * Replaces a file as a whole: after a crash it has its old content or the new one. Only the owner of the process may
 * read it. Makes no folder, and leaves it to the caller to sync the folder.
 */
export const replace = (path: string, content: string): Promise<void> =>
  FileOperations.run(async () => {
    const handle = await open(`${path}.new`, "w", 0o600)
    try {
      await handle.writeFile(content)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(`${path}.new`, path)
  })
