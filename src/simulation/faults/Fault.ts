/**
 * Faults as data: what goes wrong, when, and for how long. A plan is a list of them, which can be printed, replayed and
 * shrunk.
 *
 * **To add one**: a file `faults/kinds/<Name>.ts` that exports a `FaultKind`, and a line in `faults/Faults.ts`.
 */

import { Schema } from "effect"
import type { SeededRandom } from "../engine/SeededRandom.ts"
import type { Setting } from "../farEnds/FarEnd.ts"
import type { FarEnds } from "../farEnds/FarEnds.ts"
import type { FarEndName } from "../farEnds/FarEnds.ts"
import type { ServiceProcess } from "../run/ServiceProcess.ts"
import { type ModelPeer, type Wire, wireOf } from "./Wire.ts"

/** The stages in which a fault does most: reading and asking, writing, watching. */
export const Aim = Schema.Literals(["investigation", "execution", "verification"])
export type Aim = typeof Aim.Type

/** One fault of a plan. */
export const Fault = Schema.Struct({
  /** The name of its kind. */
  kind: Schema.NonEmptyString,
  /** When it begins, in milliseconds since the run began; where it is aimed, from when on it waits for its moment. */
  atMs: Schema.Int,
  /**
   * It begins just after a remediation has come to this stage. A stage that takes milliseconds is hit by nothing else.
   */
  aim: Schema.optionalKey(Aim),
  /** How long it lasts. 0 for what happens in a moment. */
  forMs: Schema.Int,
  /** What its kind needs to know; see the kind's `parameters`. */
  parameters: Schema.JsonObject
})
export type Fault = typeof Fault.Type

/** What a fault may take hold of. */
export interface Reach extends Setting {
  readonly farEnds: FarEnds
  readonly service: ServiceProcess
}

/**
 * Where a fault bites: for coverage, and to leave out what a scenario does not have. `network` is the way to any peer,
 * `models` is any tier of the fallback chain that is a model.
 */
export type FaultTarget = Exclude<FarEndName, "drill"> | "service" | "time" | "network" | "models"

/** What drawing parameters looks at: which models there are. */
export interface Drawn {
  readonly scenario: { readonly tiers?: ReadonlyArray<ModelPeer> }
}

export interface FaultKind<Parameters = unknown> {
  readonly name: string
  readonly target: FaultTarget
  /** One sentence for the report. */
  readonly description: string
  readonly parameters: Schema.Codec<Parameters, Schema.JsonObject>
  /**
   * How long it lasts, in milliseconds: never less than the first, so that the world does not merely flap. `undefined`
   * for what happens in a moment.
   */
  readonly lasts: readonly [leastMs: number, mostMs: number] | undefined
  /**
   * Between two of this kind, at the mean, drawn for each run from this range, where the scenario has no range of its
   * own. Default: from two minutes to an hour. For what is much work.
   */
  readonly gapMs?: readonly [leastMs: number, mostMs: number]
  /** Draws parameters. From a stream of its own. */
  readonly draw: (random: SeededRandom, setting: Drawn) => Parameters
  /** Makes it happen; the answer takes it back. Two of one kind may overlap. */
  readonly apply: (parameters: Parameters, reach: Reach, random: SeededRandom) => () => void
  /**
   * The same on requests alone, where that is all that it does: so it can be injected into a running service. See
   * `onWire`.
   */
  readonly disturb?: (parameters: Parameters, wire: Wire, random: SeededRandom) => () => void
  /** It makes peers say what is not so: followed, that may do harm to a cluster that is real. */
  readonly misleads?: boolean
}

/** Keeps the type of the parameters within its file: a catalogue holds kinds of all types. */
export const kind = <Parameters>(definition: FaultKind<Parameters>): FaultKind => definition as unknown as FaultKind

/**
 * A kind that does all that it does to requests on their way: in the simulator and in a running service by the same
 * code.
 */
export const onWire = <Parameters>(
  definition: Omit<FaultKind<Parameters>, "apply"> & Required<Pick<FaultKind<Parameters>, "disturb">>
): FaultKind =>
  kind<Parameters>({
    ...definition,
    apply: (parameters, reach, random) => definition.disturb(parameters, wireOf(reach), random)
  })
