/**
 * The ways to the service's peers, as faults of requests take hold of them: the simulated far ends in a run, the real
 * ones in a running service.
 *
 *     service ──> network faults ──> model faults ──> peer
 *
 * Both sides decide by the same code (`Standing`, `ModelWay`): a fault that is proven in the simulator is the one that
 * is injected.
 */

import { type Effect, Schema } from "effect"
import type { Disturbance } from "../farEnds/Cluster.ts"
import type { BodyFault, NetworkFault, Passage } from "../farEnds/Link.ts"
import type { ModelFault, Question, Reply } from "../farEnds/ModelService.ts"
import type { Reach } from "./Fault.ts"

/** A model, by the name of its breaker. */
export const ModelPeer = Schema.Union([Schema.Literal("holmesgpt"), Schema.TemplateLiteral(["llm:", Schema.String])])
export type ModelPeer = typeof ModelPeer.Type

/** The way to a model. */
export interface ModelFaults {
  /** From now on, until the answer is called. So with the others. */
  readonly disturb: (fault: ModelFault) => () => void
  readonly link: {
    readonly disturb: (fault: NetworkFault) => () => void
    readonly disturbBody: (fault: BodyFault) => () => void
  }
}

/** The ways to all peers. */
export interface Wire {
  /** A clock that only goes forward, in milliseconds. */
  readonly nowMs: number
  readonly cluster: { readonly disturb: (fault: Disturbance) => () => void }
  /** Fails with a `RangeError` where there is no such model. */
  readonly model: (peer: ModelPeer) => ModelFaults
}

/** What stands somewhere, in the order of its coming. The same may stand twice. */
export class Standing<A> implements Iterable<A> {
  private readonly entries = new Set<{ readonly it: A }>()

  add(it: A): () => void {
    const entry = { it }
    this.entries.add(entry)
    return () => void this.entries.delete(entry)
  }

  get size(): number {
    return this.entries.size
  }

  *[Symbol.iterator](): Generator<A> {
    for (const { it } of this.entries) yield it
  }
}

/** What stands on the way to one peer. */
export class NetworkWay {
  private readonly faults = new Standing<NetworkFault>()
  private readonly bodyFaults = new Standing<BodyFault>()

  disturb(fault: NetworkFault): () => void {
    return this.faults.add(fault)
  }

  disturbBody(fault: BodyFault): () => void {
    return this.bodyFaults.add(fault)
  }

  /** Nothing stands there. */
  get isClear(): boolean {
    return this.faults.size === 0 && this.bodyFaults.size === 0
  }

  /** All that happens to a body now, the worst of each. */
  get body(): BodyFault {
    const body: { pauseMs?: number; endsAfter?: number } = {}
    for (const { endsAfter, pauseMs } of this.bodyFaults) {
      if (pauseMs !== undefined) body.pauseMs = Math.max(pauseMs, body.pauseMs ?? 0)
      if (endsAfter !== undefined) body.endsAfter = Math.min(endsAfter, body.endsAfter ?? 1)
    }
    return body
  }

  /** The peer behind all that stands before it now. */
  disturbed<A, E>(peer: Effect.Effect<A, E>, passage: Passage<E>): Effect.Effect<A, E> {
    let disturbed = peer
    if (this.faults.size > 0) for (const fault of this.faults) disturbed = fault(disturbed, passage)
    return disturbed
  }
}

/** What stands between a question to a model and its answer. */
export class ModelWay {
  private readonly faults = new Standing<ModelFault>()

  disturb(fault: ModelFault): () => void {
    return this.faults.add(fault)
  }

  /** Nothing stands there. */
  get isClear(): boolean {
    return this.faults.size === 0
  }

  /** The answer behind all that stands before it now. */
  disturbed<E>(question: Question, reply: Effect.Effect<Reply, E>): Effect.Effect<Reply, E> {
    let disturbed = reply
    if (this.faults.size > 0) for (const fault of this.faults) disturbed = fault(question, disturbed)
    return disturbed
  }
}

/** The ways to the simulated far ends. */
export const wireOf = ({ farEnds: { cluster, holmesgpt, languageModels }, world }: Reach): Wire => ({
  get nowMs() {
    return world.nowMs
  },
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
