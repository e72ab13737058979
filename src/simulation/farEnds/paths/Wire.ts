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

/** A model, by the name of its breaker. */
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

/** The paths to all peers. */
export interface Wire {
  /** The monotonic clock, in milliseconds. */
  readonly nowMs: number
  readonly cluster: { readonly disturb: (fault: ClusterFault) => () => void }
  /** Throws a `RangeError` where there is no such model. */
  readonly model: (peer: ModelPeer) => ModelWire
}
