/**
 * A peer of the service outside of its process, simulated with its own state, which survives the service's crashes.
 *
 * **To add one**: a file `farEnds/<Name>.ts` with a class that implements `FarEnd`, and a line in `FarEnds.ts`. What
 * the service needs from it is a layer in `run/ServicePorts.ts`. A far end publishes what happens at it as
 * `Observation`s, and has methods by which faults disturb it.
 *
 * A far end runs as plain callbacks (`setting.world.at`), or as its own process (`setting.world.boot`) where it is a
 * program. A call by the service runs in the service's own fiber: it changes state in one step and waits by Effect's
 * clock, so a crash of the service is a broken connection.
 */

import type { World } from "../engine/World.ts"
import type { Observations } from "../observation/Observation.ts"
import type { Scenario } from "../scenarios/Scenario.ts"

/** What every part of a run is built from. */
export interface Setting {
  readonly world: World
  readonly scenario: Scenario
  readonly observations: Observations
}

export interface FarEnd {
  readonly name: string
  /** Starts its own activity. Called once, before the first boot of the service. */
  readonly start?: () => void
  /**
   * Healing begins: it stops disturbing the service by itself. Active faults are healed separately.
   */
  readonly heal?: () => void
  /** What it still waits for, each in a few words. The run continues while there is any. */
  readonly pending?: () => ReadonlyArray<string>
  /** Called when the run is over. */
  readonly close?: () => void
}
