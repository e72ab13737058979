/**
 * The network between the service and one peer, and what passes on it.
 *
 *     service ──> latency ──> faults ──> peer ──> faults ──> latency ──> service
 *
 * It stands outside of the service, at its end of the wire: a request is seen here even where it never arrives. Each is
 * told as `CallBegan` and `CallEnded`, which is all that checkers know of breakers, retries and bulkheads.
 *
 * What the service does runs in its own fiber here, so a crash of it cuts the connection.
 */

import { Cause, Effect, Exit, type Fiber, type Tracer } from "effect"
import { Callers } from "../engine/Callers.ts"
import type { SeededRandom } from "../engine/SeededRandom.ts"
import type { Call, CallEnding } from "../observation/Observation.ts"
import type { Setting } from "./FarEnd.ts"
import { type BodyFault, type NetworkFault, NetworkPath, type Passage } from "./paths/NetworkPath.ts"

export interface Request {
  readonly purpose: Call["purpose"]
  /** What an answer means for the peer: see `CallEnding`. */
  readonly judge: (exit: Exit.Exit<unknown, unknown>) => CallEnding
}

const hopPrefix = "hop "

/**
 * The hop of the fallback chain that the running fiber works for, as its trace has it: attempts of one hop share it.
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
  /** As the service calls its breaker. */
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

  /** From now on, until the answer is called. */
  disturb(fault: NetworkFault): () => void {
    return this.path.disturb(fault)
  }

  /** From now on, until the answer is called. */
  disturbBody(fault: BodyFault): () => void {
    return this.path.disturbBody(fault)
  }

  /** All that happens to a body now, the worst of each. */
  get body(): BodyFault {
    return this.path.body
  }

  /** A request and the way of its answer back. */
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

  /** The time that a message takes. */
  private readonly underWay: Effect.Effect<void> = Effect.suspend(() =>
    Effect.sleep(this.random.between(...this.latencyMs))
  )
}
