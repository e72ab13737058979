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

import { Cause, Effect, Exit, type Fiber, type Tracer } from "effect"
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

const hopPrefix = "hop "

/**
 * The hop of the fallback chain that the fiber works for, found by its spans: attempts of one hop share it.
 */
const hopOf = (fiber: Fiber.Fiber<unknown, unknown>): Tracer.AnySpan | undefined => {
  let span: Tracer.AnySpan | undefined = fiber.cache.span
  while (span !== undefined && span._tag === "Span") {
    if (span.name.startsWith(hopPrefix)) return span
    span = span.parent._tag === "Some" ? span.parent.value : undefined
  }
  return undefined
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

  /** Carries a request to the peer, and the response back. */
  carry<A, E>(request: Request, passage: Passage<E>, peer: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.withFiber((fiber) => {
      const disturbed = this.path.disturbed(peer, passage)
      const { observations } = this.setting
      const call: Call = {
        peer: this.peer,
        process: this.callers.numberOf(fiber),
        number: ++this.calls,
        purpose: request.purpose,
        hop: hopOf(fiber)
      }
      observations.publish({ _tag: "CallBegan", call })
      return Effect.onExit(
        Effect.flatMap(this.underWay, () => disturbed),
        (exit) =>
          Effect.sync(() => {
            const ending =
              Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause) ? "given-up" : request.judge(exit)
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
