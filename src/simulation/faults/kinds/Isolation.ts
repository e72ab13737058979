/** The service is cut off: no peer can be reached, although each of them works. */

import { Effect, Schema } from "effect"
import { sinkNames } from "../../farEnds/NotificationSinks.ts"
import { kind, simulatedWire } from "../FaultKind.ts"
import { clusterPassage } from "./Network.ts"
import { each } from "./Peers.ts"

export const totalIsolation = kind({
  name: "total-isolation",
  target: "network",
  description:
    "No peer can be reached: models, cluster, Alertmanager, receivers of notifications. Alerts still arrive.",
  parameters: Schema.Struct({
    /** Whether connections are refused at once, or messages are lost silently. */
    how: Schema.Literals(["refused", "silent"])
  }),
  lasts: [10_000, 600_000],
  gapMs: [1_800_000, 14_400_000],
  draw: (random) => ({ how: random.pick(["refused", "silent"] as const) }),
  apply: ({ how }, reach) => {
    const { farEnds, scenario } = reach
    const wire = simulatedWire(reach)
    const isRefused = how === "refused"
    const ends = [
      wire.cluster.disturb((request) =>
        isRefused ? Effect.suspend(() => Effect.fail(clusterPassage(request).broken("refused"))) : Effect.never
      ),
      each(scenario.tiers ?? [], (peer) =>
        wire
          .model(peer)
          .link.disturb((_, passage) =>
            isRefused ? Effect.suspend(() => Effect.fail(passage.broken("refused"))) : Effect.never
          )
      ),
      farEnds.alertList.disturb(() => (isRefused ? Effect.succeed({ _tag: "Refused" }) : Effect.never)),
      each(sinkNames, (sink) =>
        farEnds.notificationSinks.disturb(sink, () => (isRefused ? Effect.succeed({ _tag: "Refused" }) : Effect.never))
      )
    ]
    return () => {
      for (const end of ends) end()
    }
  }
})
