/**
 * The paths to the service's peers, where faults disturb requests: to the simulated far ends in a run, to the real
 * peers in a running service.
 *
 *     service ──> network faults ──> model faults ──> peer
 *
 * Both use the same code (`NetworkPath`, `ModelPath`, `ClusterPath`), so an injected fault is the one that the
 * simulator has proven.
 */

import { Schema } from "effect"
import type { ClusterFault } from "./ClusterPath.ts"
import type { ModelFault } from "./ModelPath.ts"
import type { BodyFault, NetworkFault } from "./NetworkPath.ts"

/** A model, by the name of its breaker: `holmesgpt`, or `llm:` and the name of a provider. */
export const ModelPeer = Schema.Union([Schema.Literal("holmesgpt"), Schema.TemplateLiteral(["llm:", Schema.String])])
export type ModelPeer = typeof ModelPeer.Type

/** The path to a model. Each function activates a fault until the function that it returns is called. */
export interface ModelWire {
  readonly disturb: (fault: ModelFault) => () => void
  readonly link: {
    readonly disturb: (fault: NetworkFault) => () => void
    readonly disturbBody: (fault: BodyFault) => () => void
  }
}

/**
 * The paths to all peers, as `FaultKind.onWire` receives them.
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { FaultKind } from "kubernaut/simulation"
 *
 * const slowReads = FaultKind.onWire({
 *   name: "slow-reads",
 *   target: "network",
 *   description: "Reads from the cluster take longer.",
 *   parameters: Schema.Struct({ delayMs: Schema.Int }),
 *   lasts: [10_000, 60_000],
 *   draw: (random) => ({ delayMs: random.between(100, 2_000) }),
 *   disturb: ({ delayMs }, wire) =>
 *     wire.cluster.disturb((request, server) =>
 *       request.change === undefined ? Effect.delay(server, delayMs) : server
 *     )
 * })
 * slowReads.disturb === undefined // => false
 * ```
 */
export interface Wire {
  /** The monotonic clock, in milliseconds. */
  readonly nowMs: number
  readonly cluster: { readonly disturb: (fault: ClusterFault) => () => void }
  /** The models of one account with this one. Default: it alone. */
  readonly sameAccount?: (peer: ModelPeer) => ReadonlyArray<ModelPeer>
  /** Throws a `RangeError` where there is no such model. */
  readonly model: (peer: ModelPeer) => ModelWire
}
