/**
 * A program of others that a script builds or installs, once for each machine. A variable may name another one; empty:
 * there is none.
 */

import { execFile } from "node:child_process"
import { join } from "node:path"

export interface Program {
  /** Absent: there is none on this machine. */
  readonly path: string | undefined
  /** The reason for skipping, to append to the name of a test. */
  readonly note: string
}

// The exit code of the script for "not available on this machine".
const notAvailable = 3

const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? ""

/** Await it at the top of a test file, so that the names of its tests can state why they are skipped. */
export const program = (name: string, script: string, variable: string): Promise<Program> => {
  const given = process.env[variable]
  if (given === "") return Promise.resolve({ path: undefined, note: ` (skipped: there is no ${name})` })
  if (given !== undefined) return Promise.resolve({ path: given, note: "" })
  return new Promise((resolve, reject) => {
    execFile(join(import.meta.dirname, "../..", script), { timeout: 20 * 60_000 }, (error, stdout, stderr) => {
      if (error === null) return resolve({ path: lastLine(stdout), note: "" })
      if (error.code !== notAvailable) return reject(new Error(`There is no ${name}:\n${stderr}`))
      return resolve({ path: undefined, note: ` (skipped: ${lastLine(stderr)})` })
    })
  })
}
