/** Failures of the receiver of the service's traces. No part of the service may depend on it. */

import { Effect, Schema } from "effect"
import type { SinkReply } from "../../farEnds/TelemetrySink.ts"
import { type FaultKind, kind } from "../FaultKind.ts"

const minuteMs = 60_000
const lasts = [30_000, 15 * minuteMs] as const

const status = (code: number, retryAfter?: string): SinkReply => ({
  _tag: "Status",
  status: code,
  ...(retryAfter === undefined ? {} : { retryAfter })
})

const down = kind({
  name: "telemetry-down",
  target: "telemetrySink",
  description: "The receiver of traces refuses connections.",
  parameters: Schema.Struct({}),
  lasts,
  draw: () => ({}),
  apply: (_, { farEnds }) => farEnds.telemetrySink.disturb(() => Effect.succeed({ _tag: "Down" }))
})

const hang = kind({
  name: "telemetry-hang",
  target: "telemetrySink",
  description: "The receiver of traces accepts requests and never responds.",
  parameters: Schema.Struct({}),
  lasts,
  draw: () => ({}),
  apply: (_, { farEnds }) => farEnds.telemetrySink.disturb(() => Effect.never)
})

const slow = kind({
  name: "telemetry-slow",
  target: "telemetrySink",
  description: "The receiver of traces responds late, up to beyond every time limit.",
  parameters: Schema.Struct({ byMs: Schema.Int }),
  lasts,
  draw: (random) => ({ byMs: Math.floor(random.magnitude(200, 30_000)) }),
  apply: ({ byMs }, { farEnds }) => farEnds.telemetrySink.disturb((reply) => Effect.andThen(Effect.sleep(byMs), reply))
})

const overloaded = kind({
  name: "telemetry-overloaded",
  target: "telemetrySink",
  description: "The receiver of traces responds 429 or 503, without Retry-After, or with a plausible or an absurd one.",
  parameters: Schema.Struct({
    status: Schema.Literals([429, 503]),
    retryAfter: Schema.NullOr(Schema.String),
    /** Share of the requests, from 0 to 1. */
    share: Schema.Finite
  }),
  lasts,
  draw: (random) => ({
    status: random.pick([429, 503] as const),
    retryAfter: random.pick([null, "0", "5", "30", "86400", "soon"] as const),
    share: random.chance(0.5) ? 1 : random.nextDoubleUnsafe()
  }),
  apply: ({ retryAfter, share, status: code }, { farEnds }, random) =>
    farEnds.telemetrySink.disturb((reply) =>
      Effect.suspend(() => (random.chance(share) ? Effect.succeed(status(code, retryAfter ?? undefined)) : reply))
    )
})

const refusing = kind({
  name: "telemetry-refusing",
  target: "telemetrySink",
  description: "The receiver of traces rejects requests for good: 400, 401 or 413.",
  parameters: Schema.Struct({ status: Schema.Literals([400, 401, 413]) }),
  lasts,
  draw: (random) => ({ status: random.pick([400, 401, 413] as const) }),
  apply: ({ status: code }, { farEnds }) => farEnds.telemetrySink.disturb(() => Effect.succeed(status(code)))
})

export const telemetryFaults: ReadonlyArray<FaultKind> = [down, hang, slow, overloaded, refusing]
