/**
 * A property that must hold under all faults, checked from the outside during a run and once more at its end.
 *
 * A checker builds its own view of the truth from `Observation`s. It never queries the service, and never reads a table
 * that the service derives from its journal.
 *
 * **To add one**: a file `invariants/<Name>.ts` that exports an `Invariant`, and a line in `Invariants.ts`.
 */

import type { Setting } from "../farEnds/FarEnd.ts"
import type { FarEnds } from "../farEnds/FarEnds.ts"
import type { ServiceControl } from "../farEnds/ServiceControl.ts"
import type { Handlers } from "../observation/Observation.ts"

/** A violation of an invariant, as `Runner.SeedOutcome` lists it. */
export interface Violation {
  /** The name of the invariant. */
  readonly invariant: string
  /** What happened, as a sentence with the ids of the objects, without secrets. */
  readonly message: string
  /** Milliseconds of the monotonic clock, since the run began. */
  readonly atMs: number
  /** The step of the world: `World.atStep` stops just before it. */
  readonly step: number
}

/** The state of one invariant during one run. Every member is optional: a checker may only count figures. */
export interface Checker {
  /** The observations that it handles. A violation is reported immediately. */
  readonly on?: Handlers
  /** Called after the liveness phase. */
  readonly atEnd?: () => void
  /**
   * What the service must still do, each in a few words. The run continues until nothing is pending or its time is
   * over.
   */
  readonly pending?: () => ReadonlyArray<string>
  /** Figures of the run, by name. */
  readonly figures?: () => Readonly<Record<string, number>>
}

/** What only the world knows, for checkers that compare it with what the service reports. */
export interface Truth {
  readonly farEnds: FarEnds
  readonly service: ServiceControl
}

/**
 * An invariant. The runner calls `make` once for each run; `report` records a violation at the current moment.
 *
 * ```ts
 * import { type Invariant, Invariants, Runner, Scenario } from "kubernaut/simulation"
 *
 * const alertsArePrompt: Invariant.Invariant = {
 *   name: "alerts-are-prompt",
 *   description: "Without faults, an alert is acknowledged within a second.",
 *   make: (_, report) => {
 *     const sentMs = new Map<string, number>()
 *     return {
 *       on: {
 *         AlertSent: ({ alert, firing }, atMs) => {
 *           if (firing) sentMs.set(alert.fingerprint, atMs)
 *         },
 *         AlertAnswered: ({ alert, firing }, atMs) => {
 *           if (firing && atMs - (sentMs.get(alert.fingerprint) ?? atMs) > 1_000)
 *             report(`the alert ${alert.fingerprint} was acknowledged late`)
 *         }
 *       }
 *     }
 *   }
 * }
 *
 * const invariants = [...Invariants.all, alertsArePrompt]
 * Runner.runSeed({ seed: 1, scenario: Scenario.single, invariants }).violations // => []
 * ```
 */
export interface Invariant {
  /** Unique, in kebab case. It identifies the failure when a plan is shrunk. */
  readonly name: string
  /** The property, as one sentence. */
  readonly description: string
  readonly make: (setting: Setting, report: (message: string) => void, truth?: Truth) => Checker
}

/** Defines the `make` of a checker that requires `Truth`, which every run has. It throws a `RangeError` without. */
export const withTruth =
  (make: (setting: Setting, report: (message: string) => void, truth: Truth) => Checker): Invariant["make"] =>
  (setting, report, truth) => {
    if (truth === undefined) throw new RangeError("this invariant needs the truth of the world")
    return make(setting, report, truth)
  }
