/** The health check of the receiver of traces. Nothing but traces depends on it, so it never affects the level. */

import { Effect, Option } from "effect"
import { type Check, healthy, type Outcome, unhealthy } from "../health/Check.ts"
import { HealthSupervisor } from "../health/HealthSupervisor.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import type { ExportOutcome } from "./SpanExporter.ts"
import { type Receiver, TraceExport } from "./Tracing.ts"

/** For so long an export shows how the receiver is. */
const recentMs = 60_000

const outcomeOf = (outcome: ExportOutcome["_tag"], how: string): Outcome => {
  switch (outcome) {
    case "Exported":
      return healthy(`${how} was accepted`)
    case "Rejected":
      return unhealthy(`${how} was rejected, so traces are lost`)
    case "Unavailable":
      return unhealthy(`${how} was not accepted; traces are queued, and dropped once the queue is full`)
  }
}

/** What the last export shows, or an empty one if there was none in the last minute. */
export const receiverCheck = ({ lastExport, probe }: Receiver): Check => ({
  name: "otlp",
  layer: "component",
  run: Effect.flatMap(Monotonic.nowMs, (nowMs) => {
    const last = lastExport()
    return last !== undefined && nowMs - last.atMs < recentMs
      ? Effect.succeed(outcomeOf(last.outcome, "the last export"))
      : Effect.map(probe, ({ _tag }) => outcomeOf(_tag, "an empty export"))
  })
})

/** Adds the check until the scope closes, if traces are exported. */
export const watchReceiver = Effect.gen(function* () {
  const { add } = yield* HealthSupervisor
  const { receiver } = Option.getOrElse(yield* Effect.serviceOption(TraceExport), () => ({ receiver: undefined }))
  if (receiver !== undefined) yield* add(receiverCheck(receiver))
})
