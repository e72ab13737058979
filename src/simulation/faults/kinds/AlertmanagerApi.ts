/** Failures of the Alertmanager that the service asks, and of the Prometheus behind it. Posts still arrive. */

import { Effect, Schema } from "effect"
import { type FaultKind, kind } from "../FaultKind.ts"

const minuteMs = 60_000
const lasts = [10_000, 15 * minuteMs] as const

const away = kind({
  name: "alertmanager-away",
  target: "alertList",
  description: "Alertmanager refuses connections, hangs, or responds 503, when it is asked what fires.",
  parameters: Schema.Struct({ how: Schema.Literals(["refused", "hangs", "unavailable"]) }),
  lasts,
  draw: (random) => ({ how: random.pick(["refused", "hangs", "unavailable"] as const) }),
  apply: ({ how }, { farEnds: { alertList } }) =>
    alertList.disturb(() =>
      how === "refused"
        ? Effect.succeed({ _tag: "Refused" })
        : how === "hangs"
          ? Effect.never
          : Effect.succeed({ _tag: "Status", status: 503 })
    )
})

const silent = kind({
  name: "prometheus-silent",
  target: "alertList",
  description: "Prometheus does not reach Alertmanager, which forgets the alert that always fires.",
  parameters: Schema.Struct({}),
  lasts,
  draw: () => ({}),
  apply: (_, { farEnds: { alertList } }) => alertList.silence()
})

export const alertmanagerApiFaults: ReadonlyArray<FaultKind> = [away, silent]
