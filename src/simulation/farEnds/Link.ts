/**
 * The network between the service and one peer.
 *
 *     service ──> latency ──> faults ──> peer ──> faults ──> latency ──> service
 *
 * It observes the service's end of the wire, where a request is visible even if it never arrives. Each request is
 * published as `CallBegan` and `CallEnded`, which is all that checkers know about breakers, retries and bulkheads.
 *
 * A request runs in the fiber of the service, so a crash of the service cuts the connection.
 */

import { Cause, Effect, Exit, type Fiber, identity, type Tracer } from "effect"
import { Callers } from "../engine/Callers.ts"
import type { SeededRandom } from "../engine/SeededRandom.ts"
import type { Call, CallEnding } from "../observation/Observation.ts"
import type { Setting } from "./FarEnd.ts"
import { type BodyFault, type NetworkFault, NetworkPath, type Passage } from "./paths/NetworkPath.ts"

export interface Request {
  readonly purpose: Call["purpose"]
  /** What the result says about the peer: see `CallEnding`. */
  readonly judge: (exit: Exit.Exit<unknown, unknown>) => CallEnding
}

/** The nearest span around what the fiber does, by the beginning of its name. */
const spanAround = (fiber: Fiber.Fiber<unknown, unknown>, prefix: string): Tracer.Span | undefined => {
  let span: Tracer.AnySpan | undefined = fiber.cache.span
  while (span !== undefined && span._tag === "Span") {
    if (span.name.startsWith(prefix)) return span
    span = span.parent._tag === "Some" ? span.parent.value : undefined
  }
  return undefined
}

/** What the fiber works for: attempts of one hop of the fallback chain share it. */
const workOf = (fiber: Fiber.Fiber<unknown, unknown>): Pick<Call, "attempt" | "hop" | "investigation"> => {
  const hop = spanAround(fiber, "hop ")
  const investigation = hop?.parent._tag === "Some" ? hop.parent.value : undefined
  return { hop, ...(investigation === undefined ? {} : { investigation }), ...attemptOf(fiber) }
}

/** The attempt that the fiber works for. */
export const attemptOf = (fiber: Fiber.Fiber<unknown, unknown>): Pick<Call, "attempt"> => {
  const attempt = spanAround(fiber, "attempt")
  return attempt === undefined ? {} : { attempt }
}

export class Link {
  /** The name of its breaker. */
  readonly peer: string
  private readonly setting: Setting
  private readonly random: SeededRandom
  private readonly latencyMs: readonly [number, number]
  private readonly path = new NetworkPath()
  private readonly callers: Callers
  private calls = 0

  constructor(setting: Setting, peer: string) {
    this.setting = setting
    this.peer = peer
    this.random = setting.world.random(`link ${peer}`)
    this.latencyMs = setting.scenario.clusterLatencyMs
    this.callers = new Callers(setting.world)
  }

  /** Activates a fault until the returned function is called. */
  disturb(fault: NetworkFault): () => void {
    return this.path.disturb(fault)
  }

  /** Activates a fault until the returned function is called. */
  disturbBody(fault: BodyFault): () => void {
    return this.path.disturbBody(fault)
  }

  /** What happens to a body now: the worst of each kind of body fault. */
  get body(): BodyFault {
    return this.path.body
  }

  /** Carries what is no request of its own: nobody observes it, and the same faults meet it. */
  pass<A, E>(passage: Passage<E>, peer: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return this.path.disturbed(peer, passage)
  }

  /**
   * Carries a request to the peer, and the response back. `around`: what the client does with the request as a whole,
   * such as to leave a peer that says nothing.
   */
  carry<A, E>(
    request: Request,
    passage: Passage<E>,
    peer: Effect.Effect<A, E>,
    around: (call: Effect.Effect<A, E>) => Effect.Effect<A, E> = identity
  ): Effect.Effect<A, E> {
    return Effect.withFiber((fiber) => {
      const disturbed = this.path.disturbed(peer, passage)
      const { observations } = this.setting
      const call: Call = {
        peer: this.peer,
        process: this.callers.numberOf(fiber),
        number: ++this.calls,
        purpose: request.purpose,
        ...workOf(fiber)
      }
      observations.publish({ _tag: "CallBegan", call })
      return Effect.onExit(around(Effect.flatMap(this.underWay, () => disturbed)), (exit) =>
        Effect.sync(() => {
          const ending = Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause) ? "given-up" : request.judge(exit)
          observations.publish({ _tag: "CallEnded", call, ending })
        })
      )
    })
  }

  /** The latency of one message. */
  private readonly underWay: Effect.Effect<void> = Effect.suspend(() =>
    Effect.sleep(this.random.between(...this.latencyMs))
  )
}
