/** Access to the process. Environment variables and terminals are read only here and in `main.ts`. */

import { Effect } from "effect"
import { load } from "./settings/Configuration.ts"

export const environment: Effect.Effect<Readonly<Record<string, string | undefined>>> = Effect.sync(() => process.env)

export const isTerminal: Effect.Effect<boolean> = Effect.sync(() => process.stderr.isTTY === true)

/** The effective settings, or every problem with them. */
export const readSettings = Effect.flatMap(Effect.all([environment, isTerminal]), ([environment, terminal]) =>
  load({ environment, terminal })
)

/** One line on standard error. */
export const writeError = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

/** Text on standard error, without a line break. */
export const writeErrorText = (text: string): void => {
  process.stderr.write(text)
}
