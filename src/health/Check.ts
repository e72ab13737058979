/**
 * One health check, and what it finds.
 *
 * | layer         | asks                                                             |
 * | ------------- | ---------------------------------------------------------------- |
 * | `component`   | does one dependency work, by a probe and by what real calls show |
 * | `integration` | do the parts work together: whole way, data flow, latency        |
 * | `business`    | does the service do its work: alerts, investigations, actions    |
 *
 * A check reads and never acts: it must be cheap, must not wait for traffic, and must not touch the cluster beyond a
 * probe. `HealthSupervisor` bounds its time and decides when it runs.
 */

import { type Duration, type Effect, Schema, type Scope } from "effect"

/** The layers, from the parts to the whole. */
export const CheckLayer = Schema.Literals(["component", "integration", "business"])
export type CheckLayer = typeof CheckLayer.Type

/** A reason for level 3. `key` identifies the cause in the database, `cause` is one sentence for people. */
export interface EmergencyCause {
  readonly key: string
  readonly cause: string
  /** What it consists of, if that may grow: one key for each part. Who dismisses it dismisses these parts and no more. */
  readonly parts?: ReadonlyArray<string>
}

/** What one run of a check found. Unknown is not healthy. */
export type Outcome =
  | { readonly _tag: "Healthy"; readonly message?: string }
  /** `emergencies`: while one is found, the level is 3. All that are there, because an operator may have dismissed one. */
  | { readonly _tag: "Unhealthy"; readonly message: string; readonly emergencies?: ReadonlyArray<EmergencyCause> }
  /** It says nothing about emergencies either: those that were found before go on. */
  | { readonly _tag: "Unknown"; readonly message: string }

/** The outcome of a check that found nothing wrong. `message`: figures for people. */
export const healthy = (message?: string): Outcome =>
  message === undefined ? { _tag: "Healthy" } : { _tag: "Healthy", message }

/** The outcome of a check that found something wrong. */
export const unhealthy = (message: string, ...emergencies: ReadonlyArray<EmergencyCause>): Outcome =>
  emergencies.length === 0 ? { _tag: "Unhealthy", message } : { _tag: "Unhealthy", message, emergencies }

/** The outcome of a check that could not find out. */
export const unknown = (message: string): Outcome => ({ _tag: "Unknown", message })

/** A check. `HealthSupervisor.add` starts it. */
export interface Check {
  /** Unique: the name of the component, or what is checked in kebab-case. It becomes a label of metrics. */
  readonly name: string
  readonly layer: CheckLayer
  /** The time between two runs. Up to a tenth more or less is added, so that checks do not run together. Default 30 s. */
  readonly interval?: Duration.Input
  /** A run that takes longer has found nothing out. Default 5 s. */
  readonly timeout?: Duration.Input
  /** Listens to what makes the last outcome outdated: `wake` runs the check again at once, after a run that is going on. */
  readonly wakes?: (wake: () => void) => Effect.Effect<void, never, Scope.Scope>
  /** Expected failures are outcomes. A defect or an interruption of its own has found nothing out. */
  readonly run: Effect.Effect<Outcome>
}
