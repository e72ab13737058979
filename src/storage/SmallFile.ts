/** Replaces a small file as a whole: after a crash it has its old content or the new one. */

import { open, rename } from "node:fs/promises"

// One sequence of calls of Node.js that must not be interrupted halfway: a promise fits.
// @effect-diagnostics asyncFunction:off

/** Only the owner of the process may read it. Makes no folder, and leaves it to the caller to sync the folder. */
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
