/**
 * Ends the condition `alerting` where nothing watches the alert that always fires any more. Otherwise nobody would ever
 * hear that the silence is over which a process before has told.
 */

import { Effect } from "effect"
import { AuditLog } from "../storage/AuditLog.ts"
import { Outbox } from "../storage/Outbox.ts"

/** The sinks may derive the silence later than this process starts, so it is looked for again. */
const pause = "1 minute"

/**
 * Looks for the condition for as long as nothing watches the alert. Each silence is ended once: where no sink is
 * configured, the condition stays until one is.
 */
export const run: Effect.Effect<never, never, AuditLog | Outbox> = Effect.suspend(() => {
  let ended: string | undefined
  return Effect.gen(function* () {
    const lasting = yield* (yield* Outbox).conditions
    const silence = lasting.find(({ condition }) => condition.name === "alerting")
    if (silence === undefined || silence.began.key === ended) return
    yield* (yield* AuditLog).record({
      actor: "kubernaut",
      kind: "alerting.unwatched",
      subject: "alerting",
      data: { reason: "the settings name no alert that always fires, or no Alertmanager" }
    })
    ended = silence.began.key
  }).pipe(
    // The next turn tries again.
    Effect.ignore,
    Effect.andThen(Effect.sleep(pause)),
    Effect.forever
  )
})
