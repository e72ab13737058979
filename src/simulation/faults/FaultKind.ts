/**
 * What a fault does: how its parameters are drawn, how it begins and how it is taken back.
 *
 * **To add one**: a file `faults/kinds/<Name>.ts` that exports a `FaultKind`, and a line in `faults/Faults.ts`.
 */

import type { Schema } from "effect"
import type { SeededRandom } from "../engine/SeededRandom.ts"
import type { Setting } from "../farEnds/FarEnd.ts"
import type { FarEndName, FarEnds } from "../farEnds/FarEnds.ts"
import { sharesAccount } from "../farEnds/LanguageModels.ts"
import type { ModelPeer, Wire } from "../farEnds/paths/Wire.ts"
import type { ServiceControl } from "../farEnds/ServiceControl.ts"

/** Everything that a fault may affect: the world, the far ends, and the process of the service. */
export interface Reach extends Setting {
  readonly farEnds: FarEnds
  readonly service: ServiceControl
}

/**
 * What a fault affects: for coverage, and to omit faults of what a scenario does not have. `network` is the path to any
 * peer, `models` is any tier of the fallback chain that is a model, `changes` is what the change journal records.
 */
export type FaultTarget =
  | Exclude<FarEndName, "drill" | "visitors">
  | "service"
  | "time"
  | "network"
  | "models"
  | "changes"

/** What `draw` may depend on: the models of the scenario, or of the running service. */
export interface DrawSetting {
  readonly scenario: { readonly tiers?: ReadonlyArray<ModelPeer> }
}

/**
 * A kind of fault. Define it with `kind`, or with `onWire` where it only disturbs requests, and pass it to
 * `Runner.runSeed` in `faultKinds`.
 *
 * ```ts
 * import { Schema } from "effect"
 * import { FaultKind, Faults, Runner, Scenario } from "kubernaut/simulation"
 *
 * const freeze = FaultKind.kind({
 *   name: "freeze",
 *   target: "service",
 *   description: "The process is frozen for a while, as by a long garbage collection.",
 *   parameters: Schema.Struct({ pauseMs: Schema.Int }),
 *   lasts: undefined,
 *   draw: (random) => ({ pauseMs: random.between(1_000, 20_000) }),
 *   apply: ({ pauseMs }, { service }) => {
 *     service.pause(pauseMs)
 *     return () => {}
 *   }
 * })
 *
 * const outcome = Runner.runSeed({
 *   seed: 1,
 *   scenario: Scenario.single,
 *   faultKinds: [...Faults.all, freeze],
 *   plan: [{ kind: "freeze", atMs: 10_000, forMs: 0, parameters: { pauseMs: 5_000 } }]
 * })
 * outcome.failure // => undefined
 * outcome.coverage.faults // => { freeze: 1 }
 * ```
 */
export interface FaultKind<Parameters = unknown> {
  /** Unique, in kebab case. Plans refer to the kind by it, and its random streams are named after it. */
  readonly name: string
  readonly target: FaultTarget
  /** One sentence for the report. */
  readonly description: string
  /** The parameters of one fault, which a plan stores as JSON. */
  readonly parameters: Schema.Codec<Parameters, Schema.JsonObject>
  /**
   * How long it lasts, in milliseconds. The lower bound keeps the world from merely flapping. `undefined` for a fault
   * that happens at one moment.
   */
  readonly lasts: readonly [leastMs: number, mostMs: number] | undefined
  /**
   * The mean gap between two faults of this kind, drawn for each run from this range, where the scenario has no range
   * of its own. Default: two minutes to an hour. For faults that are expensive to simulate.
   */
  readonly gapMs?: readonly [leastMs: number, mostMs: number]
  /** Draws parameters, from a random stream of its own. */
  readonly draw: (random: SeededRandom, setting: DrawSetting) => Parameters
  /** Begins the fault; the returned function takes it back. Faults of one kind may overlap. */
  readonly apply: (parameters: Parameters, reach: Reach, random: SeededRandom) => () => void
  /**
   * The same for a kind that only disturbs requests, which can therefore be injected into a running service. See
   * `onWire`.
   */
  readonly disturb?: (parameters: Parameters, wire: Wire, random: SeededRandom) => () => void
  /** It makes peers return falsehoods. A service that follows them may harm a real cluster. */
  readonly misleads?: boolean
}

/** Defines a kind. It hides the type of the parameters, so that one list holds kinds of all types. */
export const kind = <Parameters>(definition: FaultKind<Parameters>): FaultKind => definition as unknown as FaultKind

/**
 * Defines a kind that only disturbs requests, by the same code in the simulator and in a running service. `apply` is
 * derived from `disturb`; see `Wire`.
 */
export const onWire = <Parameters>(
  definition: Omit<FaultKind<Parameters>, "apply"> & Required<Pick<FaultKind<Parameters>, "disturb">>
): FaultKind =>
  kind<Parameters>({
    ...definition,
    apply: (parameters, reach, random) => definition.disturb(parameters, simulatedWire(reach), random)
  })

/** The paths to the simulated far ends. */
export const simulatedWire = ({ farEnds: { cluster, holmesgpt, languageModels }, world }: Reach): Wire => ({
  get nowMs() {
    return world.nowMs
  },
  sameAccount: (peer) => (peer.startsWith("llm:") && sharesAccount({ world }) ? ["llm:alpha", "llm:beta"] : [peer]),
  cluster,
  model: (peer) => {
    switch (peer) {
      case "holmesgpt":
        return holmesgpt.service
      case "llm:alpha":
        return languageModels.alpha.service
      case "llm:beta":
        return languageModels.beta.service
      default:
        throw new RangeError(`Wire: there is no simulated ${peer}`)
    }
  }
})
