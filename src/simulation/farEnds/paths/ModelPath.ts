/** The path from a question to a model's reply, as faults disturb it. */

import type { Effect } from "effect"
import type { ResourceRef } from "../../../domain/Target.ts"
import type { CallEnding } from "../../observation/Observation.ts"
import { ActiveFaults } from "./ActiveFaults.ts"

/** What a model's service replies. Each protocol expresses it in its own way. */
export type Reply =
  /** A text. `worth` is what the text says about the peer, judged by somebody who knows the truth. */
  | {
      readonly _tag: "Text"
      readonly text: string
      readonly worth: CallEnding
      /** The response does not say what it has cost. */
      readonly hidesCost?: boolean
    }
  | { readonly _tag: "Status"; readonly status: number; readonly retryAfter?: string }
  /** The model refuses to answer. */
  | { readonly _tag: "Refusal" }
  /** The account's quota is exhausted. */
  | { readonly _tag: "Quota" }
  /** The question exceeds the model's context. */
  | { readonly _tag: "Overflow" }
  /** An investigation that ends without an answer: see `faults/kinds/HolmesGptStreams`. */
  | { readonly _tag: "Unfinished"; readonly how: "silent" | "cut" | "step-limit" | "tool-loop" }

export interface Question {
  readonly purpose: "work" | "probe"
  /** Everything that the service wrote. */
  readonly text: string
  /** The target of the question; `undefined` for probes and where the text names none. */
  readonly target: ResourceRef | undefined
}

/** Wraps the reply to a question. Active faults nest, the newest outermost. */
export type ModelFault = <E>(question: Question, reply: Effect.Effect<Reply, E>) => Effect.Effect<Reply, E>

export class ModelPath {
  private readonly faults = new ActiveFaults<ModelFault>()

  /** Activates a fault until the returned function is called. */
  disturb(fault: ModelFault): () => void {
    return this.faults.add(fault)
  }

  /** No fault is active. */
  get isClear(): boolean {
    return this.faults.size === 0
  }

  /** The reply, wrapped in all faults that are active now. */
  disturbed<E>(question: Question, reply: Effect.Effect<Reply, E>): Effect.Effect<Reply, E> {
    let disturbed = reply
    if (this.faults.size > 0) for (const fault of this.faults) disturbed = fault(question, disturbed)
    return disturbed
  }
}
