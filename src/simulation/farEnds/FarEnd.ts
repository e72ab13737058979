/**
 * Something outside of the service that it talks to, simulated with a state of its own: it survives the service's
 * crashes.
 *
 * **To add one**: a file `farEnds/<Name>.ts` with a class that implements `FarEnd`, and a line in `FarEnds.ts`. What
 * the service needs of it goes into `ServiceProcess.ts` as a Layer. A far end tells what happens at it as
 * `Observation`s, and offers its faults what they need to disturb it.
 *
 * Its work runs in one of two ways: as plain callbacks by `setting.world.at`, or as a process of its own
 * (`setting.world.boot`) where it is a program. When the service calls it, it runs in the service's own fiber: what it
 * keeps it changes in one step, and it waits by Effect's clock, so that a crash of the service is a broken connection.
 */

import type { World } from "../engine/World.ts"
import type { Observations } from "../observation/Observation.ts"
import type { Scenario } from "../scenarios/Scenario.ts"

/** What every part of a run is made from. */
export interface Setting {
  readonly world: World
  readonly scenario: Scenario
  readonly observations: Observations
}

export interface FarEnd {
  readonly name: string
  /** Begins what it does over time. Called once, before the service is booted for the first time. */
  readonly start?: () => void
  /**
   * Nothing new goes wrong from now on: whatever it does of its own to disturb the service ends. Faults are healed
   * apart from this.
   */
  readonly heal?: () => void
  /** What it still waits for, each in a few words; asked at the end. Empty when there is nothing. */
  readonly pending?: () => ReadonlyArray<string>
  /** Called when the run is over. */
  readonly close?: () => void
}
