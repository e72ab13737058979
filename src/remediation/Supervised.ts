/**
 * The supervisor of the long-lived children: the sweep that finds open work, and the degradation fiber.
 */

import { Context, Effect, Layer } from "effect"
import { Degradation } from "../health/Degradation.ts"
import * as Supervisor from "../resilience/supervision/Supervisor.ts"
import { RemediationActors } from "./RemediationActors.ts"

export class Supervised extends Context.Service<Supervised, Supervisor.Supervisor>()(
  "kubernaut/remediation/Supervised"
) {}

/** How long a child that was restarted too often stays down. */
const restartAfter = "30 seconds"

/** Starts both children. */
export const layer: Layer.Layer<Supervised, never, RemediationActors | Degradation> = Layer.effect(
  Supervised,
  Effect.gen(function* () {
    const actors = yield* RemediationActors
    const degradation = yield* Degradation
    const supervisor: Supervisor.Supervisor = yield* Supervisor.make(
      {
        name: "kubernaut",
        // Neither child has a substitute, and the failure may be temporary: a database outage of a minute must not
        // leave alerts unhandled forever.
        onEscalation: ({ child }) =>
          Effect.andThen(
            Effect.sleep(restartAfter),
            Effect.suspend(() => supervisor.restart(child))
          )
      },
      [
        { name: "degradation", start: degradation.run },
        { name: "sweep", start: actors.sweep }
      ]
    )
    return supervisor
  })
)
