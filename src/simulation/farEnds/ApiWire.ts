/**
 * The service's end of the wire to the cluster's API server: every attempt of every request is published as
 * `RequestBegan` and `RequestEnded`.
 *
 * A call of the port (`client.get(ref)`) makes a request, and each run of the effect is an attempt: the pipeline in
 * between repeats the run without calling the port again. A request that is made and never run was rejected by the
 * service itself. It is counted (`asked`), because it earns retry budget too.
 */

import { Cause, Effect, Exit } from "effect"
import { Callers } from "../engine/Callers.ts"
import type { ApiRequest } from "../observation/Observation.ts"
import type { Setting } from "./FarEnd.ts"

/** A request of the service: the same object for all attempts. */
export interface Asked {
  readonly verb: string
  readonly about: string
}

export class ApiWire {
  private readonly observations: Setting["observations"]
  readonly callers: Callers
  private asked = 0
  private attempts = 0

  constructor({ observations, world }: Setting) {
    this.observations = observations
    this.callers = new Callers(world)
  }

  /** The service makes a request, which it may never send. */
  ask(verb: string, about: string): Asked {
    this.asked++
    return { verb, about }
  }

  /** An attempt of a request, from the service to the response. */
  carry<A, E>(work: Asked, attempt: Effect.Effect<A, E>): Effect.Effect<A, E> {
    const { observations } = this
    if (!observations.isObserved("RequestBegan")) return attempt
    return Effect.withFiber((fiber) => {
      // A client has one probe effect; each run of it is a request.
      const request: ApiRequest = {
        work: work.verb === "probe" ? { ...work } : work,
        process: this.callers.numberOf(fiber),
        number: ++this.attempts,
        asked: this.asked
      }
      observations.publish({ _tag: "RequestBegan", request })
      return Effect.onExitPrimitive(attempt, (exit) => {
        const givenUp = Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
        observations.publish({ _tag: "RequestEnded", request, ending: givenUp ? "given-up" : "answered" })
        return undefined
      })
    })
  }
}
