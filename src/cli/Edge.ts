/**
 * Where the program meets its process: environment variables and terminals are read here and in `main.ts`, nowhere
 * else.
 */

import { Effect } from "effect"
import { load } from "./settings/Configuration.ts"

export const environment: Effect.Effect<Readonly<Record<string, string | undefined>>> = Effect.sync(() => process.env)

export const isTerminal: Effect.Effect<boolean> = Effect.sync(() => process.stderr.isTTY === true)

/** The settings in force, or everything that is wrong with them. */
export const readSettings = Effect.flatMap(Effect.all([environment, isTerminal]), ([environment, terminal]) =>
  load({ environment, terminal })
)

/** One line on standard error. */
export const writeError = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

/** Text on standard error, without an end of line. */
export const writeErrorText = (text: string): void => {
  process.stderr.write(text)
}
