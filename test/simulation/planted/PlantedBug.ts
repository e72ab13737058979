/**
 * A plausible bug, as an edit of one or more source files, with the invariant that must find it and within how many
 * seeds.
 *
 * **To add one**: a file `bugs/<Name>.ts` that exports a `PlantedBug`, and a line in `Bugs.ts`. An edit names a text
 * that occurs in its file exactly once. When that text changes, the suite fails and names it, and the bug must be
 * adapted.
 */

import type { RunName } from "./Runs.ts"

export interface Edit {
  /** Below `src/`. */
  readonly file: string
  /** Occurs there exactly once. */
  readonly search: string
  readonly replace: string
}

export interface PlantedBug {
  readonly name: string
  /** The symptom that a user would see. */
  readonly breaks: string
  readonly edits: ReadonlyArray<Edit>
  /** The invariant that must report it. */
  readonly foundBy: string
  /** The number of seeds to try, from 1. */
  readonly withinSeeds: number
  /** The run that is simulated. */
  readonly run: RunName
}

/** The text with an edit made. */
export const edited = (text: string, { file, replace, search }: Edit): string => {
  const places = text.split(search).length - 1
  if (places !== 1) throw new Error(`The text to replace occurs ${places} times in src/${file}, not once:\n${search}`)
  return text.replace(search, () => replace)
}
