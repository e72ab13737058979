/**
 * Something that must hold whatever goes wrong, checked from outside while a run goes on and once more at its end.
 *
 * A checker keeps its own account of the truth, made of `Observation`s. It never asks the service, and never reads a
 * table that the service derives from its journal.
 *
 * **To add one**: a file `invariants/<Name>.ts` that exports an `Invariant`, and a line in `Invariants.ts`.
 */

import type { Setting } from "../farEnds/FarEnd.ts"
import type { FarEnds } from "../farEnds/FarEnds.ts"
import type { ServiceControl } from "../farEnds/ServiceControl.ts"
import type { Handlers } from "../observation/Observation.ts"

export interface Violation {
  readonly invariant: string
  /** What happened, in a sentence. Names things by their ids; no secrets. */
  readonly message: string
  /** Monotonic, since the run began. */
  readonly atMs: number
  readonly step: number
}

export interface Checker {
  /** What it looks at. A violation is reported as soon as it is seen. */
  readonly on?: Handlers
  /** After the liveness phase. */
  readonly atEnd?: () => void
  /**
   * What still waits for the service, each in a few words: the run goes on until there is nothing, or its time is over.
   */
  readonly pending?: () => ReadonlyArray<string>
  /** What it counted, by name: figures of the run. */
  readonly figures?: () => Readonly<Record<string, number>>
}

/** What only the world knows: for checkers that compare with it what the service says. */
export interface Truth {
  readonly farEnds: FarEnds
  readonly service: ServiceControl
}

export interface Invariant {
  readonly name: string
  /** The rule, as one sentence. */
  readonly description: string
  readonly make: (setting: Setting, report: (message: string) => void, truth?: Truth) => Checker
}

/** The `make` of a checker that can't do without `Truth`. */
export const withTruth =
  (make: (setting: Setting, report: (message: string) => void, truth: Truth) => Checker): Invariant["make"] =>
  (setting, report, truth) => {
    if (truth === undefined) throw new RangeError("this invariant compares with what the world knows: give it that")
    return make(setting, report, truth)
  }
