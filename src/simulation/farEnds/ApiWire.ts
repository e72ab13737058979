/**
 * The service's end of the wire to the cluster's API server: every attempt of every request is told as `RequestBegan`
 * and `RequestEnded`.
 *
 * A request is what the service makes of the port once (`client.get(ref)`), and each run of that is an attempt of it:
 * the pipeline in between repeats the run and does not make the request anew. What is made and never run was turned
 * away by the service itself; it is counted (`asked`), because a retry budget is earned by it too.
 */

import { Cause, Effect, Exit } from "effect"
import { Callers } from "../engine/Callers.ts"
import type { ApiRequest } from "../observation/Observation.ts"
import type { Setting } from "./FarEnd.ts"

/** What the service made: the same object for all attempts. */
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

  /** The service makes a request. It may never send it. */
  ask(verb: string, about: string): Asked {
    this.asked++
    return { verb, about }
  }

  /** An attempt of it, way there and back. */
  carry<A, E>(work: Asked, attempt: Effect.Effect<A, E>): Effect.Effect<A, E> {
    const { observations } = this
    if (!observations.isObserved("RequestBegan")) return attempt
    return Effect.withFiber((fiber) => {
      // Made once for the whole life of the client: each run of it is a request.
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
