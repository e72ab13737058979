/** Failures of the receivers of notifications. No other part of the service, and no other receiver, may depend on one. */

import { Effect, Schema } from "effect"
import { sinkNames, type SinkReply } from "../../farEnds/NotificationSinks.ts"
import { type FaultKind, kind } from "../FaultKind.ts"

const minuteMs = 60_000
const lasts = [30_000, 10 * minuteMs] as const

const Sink = Schema.Literals(sinkNames)

const status = (code: number, retryAfter?: string): SinkReply => ({
  _tag: "Status",
  status: code,
  ...(retryAfter === undefined ? {} : { retryAfter })
})

const down = kind({
  name: "sink-down",
  target: "notificationSinks",
  description: "A receiver of notifications refuses connections.",
  parameters: Schema.Struct({ sink: Sink }),
  lasts,
  draw: (random) => ({ sink: random.pick(sinkNames) }),
  apply: ({ sink }, { farEnds }) => farEnds.notificationSinks.disturb(sink, () => Effect.succeed({ _tag: "Refused" }))
})

const slow = kind({
  name: "sink-slow",
  target: "notificationSinks",
  description: "A receiver of notifications responds late, up to beyond every time limit.",
  parameters: Schema.Struct({ sink: Sink, byMs: Schema.Int }),
  lasts,
  draw: (random) => ({ sink: random.pick(sinkNames), byMs: Math.floor(random.magnitude(200, 60_000)) }),
  apply: ({ byMs, sink }, { farEnds }) =>
    farEnds.notificationSinks.disturb(sink, (reply) => Effect.andThen(Effect.sleep(byMs), reply))
})

const overloaded = kind({
  name: "sink-overloaded",
  target: "notificationSinks",
  description: "A receiver of notifications responds 429 or 503, with and without Retry-After.",
  parameters: Schema.Struct({
    sink: Sink,
    status: Schema.Literals([429, 503]),
    retryAfter: Schema.NullOr(Schema.String),
    /** Share of the requests, from 0 to 1. */
    share: Schema.Finite
  }),
  lasts,
  draw: (random) => ({
    sink: random.pick(sinkNames),
    status: random.pick([429, 503] as const),
    retryAfter: random.pick([null, "0", "30", "86400", "soon"] as const),
    share: random.chance(0.5) ? 1 : random.nextDoubleUnsafe()
  }),
  apply: ({ retryAfter, share, sink, status: code }, { farEnds }, random) =>
    farEnds.notificationSinks.disturb(sink, (reply) =>
      Effect.suspend(() => (random.chance(share) ? Effect.succeed(status(code, retryAfter ?? undefined)) : reply))
    )
})

const refusing = kind({
  name: "sink-refusing",
  target: "notificationSinks",
  description: "A receiver of notifications rejects messages: 400, 401, 404 or 413.",
  parameters: Schema.Struct({ sink: Sink, status: Schema.Literals([400, 401, 404, 413]) }),
  lasts,
  draw: (random) => ({ sink: random.pick(sinkNames), status: random.pick([400, 401, 404, 413] as const) }),
  apply: ({ sink, status: code }, { farEnds }) =>
    farEnds.notificationSinks.disturb(sink, () => Effect.succeed(status(code)))
})

const lost = kind({
  name: "sink-response-lost",
  target: "notificationSinks",
  description: "A receiver takes notifications, and the connection breaks before its response.",
  parameters: Schema.Struct({ sink: Sink, share: Schema.Finite }),
  lasts,
  draw: (random) => ({ sink: random.pick(sinkNames), share: random.chance(0.5) ? 1 : random.nextDoubleUnsafe() }),
  apply: ({ share, sink }, { farEnds }, random) =>
    farEnds.notificationSinks.disturb(sink, (reply) =>
      Effect.suspend(() => (random.chance(share) ? Effect.succeed<SinkReply>({ _tag: "Lost" }) : reply))
    )
})

const crash = kind({
  name: "crash-at-notification",
  target: "notificationSinks",
  description: "The service is killed when a notification has arrived, before its delivery is recorded.",
  parameters: Schema.Struct({ afterSteps: Schema.Int }),
  lasts,
  draw: (random) => ({ afterSteps: random.between(0, 20) }),
  apply: ({ afterSteps }, { farEnds, service, world }) => {
    let isOver = false
    const end = farEnds.notificationSinks.onArrival(() => {
      if (isOver) return
      isOver = true
      world.atStep(world.steps + 1 + afterSteps, () => service.process?.crash())
    })
    return end
  }
})

export const notificationFaults: ReadonlyArray<FaultKind> = [down, slow, overloaded, refusing, lost, crash]
