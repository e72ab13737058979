/**
 * Each minute, tells the sinks that show conditions what lasts, and that the service works.
 *
 * **When the service works.** The database stores, and the children that take alerts further run: the sweep, the
 * degradation fiber, the checks of the database, and the notifications. Then an alert is accepted, stored, and worked
 * on or told to a person. An emergency is no reason to stop: the service does what it promises for one, and says so by
 * an alert of its own. In doubt the heartbeat stops: a false alarm costs a look, and a heartbeat of a service that does
 * nothing costs an incident.
 *
 * While the database is down, the conditions are those that were read last.
 *
 * **Several processes.** A refresh may arrive after another process has told of an end, and would fire the condition
 * again for minutes. So the conditions are read again after it, and the end of what is over is told by this process
 * too, by another refresh. While conditions change all the time, each refresh is out of date when it arrives. So the
 * messages of the outbox have their turn in between, and after the second refresh the next one waits.
 */

import { Effect } from "effect"
import type { Lasting } from "../domain/Notification.ts"
import type { ChildStatus } from "../resilience/supervision/Supervisor.ts"
import type { Outbox } from "../storage/Outbox.ts"
import type { StorageStatus } from "../storage/StorageHealth.ts"
import { type Channel, classify, failureText } from "./Channel.ts"
import { takes } from "./NotificationSink.ts"

/** So long the messages have their turn before a refresh that was out of date is repeated. */
const betweenRefreshes = "100 millis"
/** The next refresh while conditions change all the time. The outbox tells of what ends meanwhile. */
const whileChanging = "10 seconds"

/** The children without which no alert is taken further. */
export const essential: ReadonlySet<string> = new Set(["sweep", "degradation", "storage", "notifications"])

/** Whether the service does its work. */
export const isWorking = (storage: StorageStatus, children: ReadonlyArray<ChildStatus>): boolean =>
  storage._tag === "Up"
  && [...essential].every((name) => children.some((child) => child.name === name && child.status === "running"))

/** An outage of the database is in no outbox, and lasts too. So does what was told meanwhile. */
const withUnrecorded = (
  { outage, unrecordedConditions }: Channel,
  known: ReadonlyArray<Lasting>
): ReadonlyArray<Lasting> => [
  ...known.filter(({ condition }) => !unrecordedConditions.has(condition.name)),
  ...[...unrecordedConditions.values()].filter((lasting) => lasting !== undefined),
  ...(outage?.begins === undefined ? [] : [{ condition: outage.begins, began: outage }])
]

/** A condition of another urgency is another one to a receiver that has the urgency in its labels. */
const isSame =
  ({ condition: { name, severity } }: Lasting) =>
  ({ condition }: Lasting): boolean =>
    condition.name === name && condition.severity === severity

/** Of `before`, what is not there now. */
const without = (before: ReadonlyArray<Lasting>, now: ReadonlyArray<Lasting>): ReadonlyArray<Lasting> =>
  before.filter((each) => !now.some(isSame(each)))

/** Refreshes one sink for as long as the service runs. `works`: whether the service does its work now. */
export const run = (
  channel: Channel,
  outbox: Outbox["Service"],
  works: Effect.Effect<boolean>
): Effect.Effect<never> => {
  let known: ReadonlyArray<Lasting> = []
  /** What the sink may show because of this process. */
  let shown: ReadonlyArray<Lasting> = []
  const { pipeline, sink, turn } = channel
  const read = Effect.gen(function* () {
    known = yield* Effect.orElseSucceed(outbox.conditions, () => known)
    return withUnrecorded(channel, known).filter(({ began }) => takes(sink, began))
  })
  /** Returns whether the sink shows what lasts now. */
  const post = Effect.gen(function* () {
    const lasting = yield* read
    const ended = without(shown, lasting)
    shown = [...lasting, ...ended]
    yield* pipeline.execute(sink.refresh?.(lasting, yield* works, ended) ?? Effect.void, classify)
    shown = lasting
    const now = yield* read
    // Another process may have told of an end, or of a beginning, before this refresh arrived.
    return without(lasting, now).length === 0 && ended.every((each) => !now.some(isSame(each)))
  })
  const refresh = turn
    // What ends meanwhile is sent after it, so it is never fired again.
    .withPermits(1)(post)
    .pipe(
      Effect.catch((error) =>
        Effect.as(
          Effect.logWarning("The alerts of the service could not be refreshed", {
            sink: sink.name,
            reason: failureText(error)
          }),
          true
        )
      )
    )
  return Effect.forever(
    Effect.gen(function* () {
      if ((yield* refresh) || (yield* Effect.andThen(Effect.sleep(betweenRefreshes), refresh)))
        yield* Effect.sleep("1 minute")
      else yield* Effect.sleep(whileChanging)
    })
  )
}
