/** The network between the service and one peer, as faults disturb it. */

import type { Effect } from "effect"
import { ActiveFaults } from "./ActiveFaults.ts"

/** How a connection fails. */
export type Breakage = "refused" | "reset" | "name" | "truncated"

/** The code of Node's error, by which a sender knows whether there was a connection. */
export const codes: Readonly<Record<Breakage, string>> = {
  refused: "ECONNREFUSED",
  reset: "ECONNRESET",
  name: "ENOTFOUND",
  truncated: "UND_ERR_SOCKET"
}

/** What a network fault needs to know about the request that it disturbs. */
export interface Passage<E> {
  /**
   * The error of a failed connection. A refused one, and a name that does not resolve, say that nothing was sent. The
   * others do not say whether the request arrived, because the sender cannot know.
   */
  readonly broken: (how: Breakage) => E
}

/** Wraps a request to a peer. Active faults nest, the newest outermost. */
export type NetworkFault = <A, E>(peer: Effect.Effect<A, E>, passage: Passage<E>) => Effect.Effect<A, E>

/** What a fault does to the body of a response. */
export interface BodyFault {
  /** The pause between two chunks of the body. */
  readonly pauseMs?: number
  /** The share of the body after which it ends. */
  readonly endsAfter?: number
}

export class NetworkPath {
  private readonly faults = new ActiveFaults<NetworkFault>()
  private readonly bodyFaults = new ActiveFaults<BodyFault>()

  /** Activates a fault until the returned function is called. */
  disturb(fault: NetworkFault): () => void {
    return this.faults.add(fault)
  }

  /** Activates a fault until the returned function is called. */
  disturbBody(fault: BodyFault): () => void {
    return this.bodyFaults.add(fault)
  }

  /** No fault is active. */
  get isClear(): boolean {
    return this.faults.size === 0 && this.bodyFaults.size === 0
  }

  /** What happens to a body now: the worst of each kind of body fault. */
  get body(): BodyFault {
    const body: { pauseMs?: number; endsAfter?: number } = {}
    for (const { endsAfter, pauseMs } of this.bodyFaults) {
      if (pauseMs !== undefined) body.pauseMs = Math.max(pauseMs, body.pauseMs ?? 0)
      if (endsAfter !== undefined) body.endsAfter = Math.min(endsAfter, body.endsAfter ?? 1)
    }
    return body
  }

  /** The request to the peer, wrapped in all faults that are active now. */
  disturbed<A, E>(peer: Effect.Effect<A, E>, passage: Passage<E>): Effect.Effect<A, E> {
    let disturbed = peer
    if (this.faults.size > 0) for (const fault of this.faults) disturbed = fault(disturbed, passage)
    return disturbed
  }
}
