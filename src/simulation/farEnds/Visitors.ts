/**
 * People and programs that ask the service again and again for what it must answer at every level: its status, whether
 * it takes alerts, the open reviews, the audit log, and whether an operator has stopped it.
 *
 * They use the same parts as the routes. Only scenarios with `visitors` have any.
 */

import { Effect } from "effect"
import type { StorageError } from "../../storage/StorageError.ts"
import type { Observation } from "../observation/Observation.ts"
import type { FarEnd, Setting } from "./FarEnd.ts"
import type { OperatorApi, ServiceConnection } from "./ServiceConnection.ts"

export const essentials = ["status", "readiness", "reviews", "audit", "emergency-stop"] as const
export type Essential = (typeof essentials)[number]

const askEveryMs = 10_000

const ask: Readonly<Record<Essential, (api: OperatorApi) => Effect.Effect<unknown, StorageError>>> = {
  status: ({ degradation, health }) => Effect.andThen(degradation.current, health.findings),
  readiness: ({ storage }) => storage.status,
  reviews: ({ store }) => store.reviews(1),
  audit: ({ audit }) => audit.read(0, 1),
  "emergency-stop": ({ orders }) => orders.current("emergency-stop")
}

type Outcome = Extract<Observation, { readonly _tag: "EssentialAsked" }>["outcome"]

export class Visitors implements FarEnd {
  readonly name = "visitors"
  private readonly setting: Setting
  private readonly service: ServiceConnection

  constructor(setting: Setting, service: ServiceConnection) {
    this.setting = setting
    this.service = service
  }

  start(): void {
    const { observations, scenario, world } = this.setting
    if (scenario.visitors !== true) return
    const process = world.boot("visitors", Effect.never)
    const visit = () => {
      for (const essential of essentials) {
        const askedMs = world.nowMs
        const outcome = this.service.callOperatorApi(process, ask[essential]).pipe(
          Effect.as<Outcome>("answered"),
          Effect.catchTags({
            Unreachable: () => Effect.succeed<Outcome>("unreachable"),
            StorageError: () => Effect.succeed<Outcome>("not-stored")
          }),
          // A defect in the service is a 500.
          Effect.catchDefect(() => Effect.succeed<Outcome>("broken"))
        )
        process.fork(outcome, (exit) => {
          if (exit._tag === "Success")
            observations.publish({ _tag: "EssentialAsked", essential, askedMs, outcome: exit.value })
        })
      }
      world.at(world.nowMs + askEveryMs, visit)
    }
    world.at(askEveryMs, visit)
  }
}
