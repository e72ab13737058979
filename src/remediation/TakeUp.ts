/**
 * Takes up again what a low degradation level had held back, when the level has risen (`storage/HeldBack`).
 *
 * The most severe alerts go first, at the rate of `TakeUpPace`. What waits is in the database, so a restart continues
 * with it, at the first rate again. Each alert gets one remediation, which its next post is a repeat of; one that has
 * resolved gets none. At level 3 nothing is taken up, and neither while the emergency stop is set or cannot be read:
 * each alert would be investigated only to end with a person again, and nothing would take it up after the stop.
 */

import { Context, Duration, Effect, Layer, Option } from "effect"
import type { RemediationId } from "../domain/Remediation.ts"
import { fromMillis, type Timestamp, now, toMillis } from "../domain/Timestamp.ts"
import { Degradation } from "../health/Degradation.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { HeldBack, type HeldBackQuery } from "../storage/HeldBack.ts"
import { StandingOrders } from "../storage/StandingOrders.ts"
import { RemediationActors } from "./RemediationActors.ts"
import { RemediationEvents } from "./RemediationEvents.ts"
import { mayTakeUp, pauseMs } from "./TakeUpPace.ts"

/** How often it is looked for what waits, while nothing does. */
const idle = Duration.seconds(15)
/** How long the actors are waited for. */
const busy = Duration.seconds(1)

/**
 * An alert that its sender has not repeated for a day may be gone without anybody's word. By default Alertmanager
 * repeats every 4 hours. One that is repeated later begins new work by itself.
 */
const firesForMs = Duration.toMillis(Duration.days(1))

const since = (at: Timestamp): Timestamp => fromMillis(toMillis(at) - firesForMs)

/** The work that takes up what was held back, where there is a database that knows it. */
export class TakeUp extends Context.Service<
  TakeUp,
  {
    /** Run it as a supervised child. */
    readonly run: Effect.Effect<never>
  }
>()("kubernaut/remediation/TakeUp") {}

interface Parts {
  readonly cluster: string
  readonly heldBack: HeldBack["Service"]
  readonly actors: Pick<RemediationActors["Service"], "active" | "fire">
  readonly degradation: Pick<Degradation["Service"], "current">
  readonly events: RemediationEvents["Service"]
  readonly orders: Pick<StandingOrders["Service"], "current">
}

/** How many are looked for at once. At the highest rate they last for some seconds. */
const batch = 50

/** Takes up one alert of `ids`, which it takes out, and looks for more if there is none. Returns whether there was one. */
const takeOne = Effect.fnUntraced(function* (
  { actors, cluster, degradation, events, heldBack, orders }: Parts,
  ids: Array<RemediationId>
) {
  const { level } = yield* degradation.current
  if (level === 3) return false
  const at = yield* now
  const query: HeldBackQuery = { cluster, level, firedSince: since(at) }
  if (ids.length === 0) ids.push(...(yield* heldBack.waiting(query, batch)))
  if (ids.length === 0 || Option.isSome(yield* orders.current("emergency-stop"))) return false
  const id = ids.shift()
  if (id === undefined) return false
  const taken = yield* heldBack.takeUp(id, query, at)
  if (Option.isNone(taken)) return true
  const { ended, severity, target } = taken.value
  yield* Effect.logInfo("An alert that the level had held back is taken up again", {
    remediation: ended.handedOverTo,
    before: ended.id,
    alert: ended.alert.name,
    level
  })
  events.publish({ event: "HandedOver", remediation: ended })
  yield* actors.fire(target, severity)
  return true
})

const run = (parts: Parts): Effect.Effect<never> => {
  let startedMs: number | undefined
  /** What was found and not taken up yet. It is checked again when it is. */
  const ids: Array<RemediationId> = []
  return Effect.gen(function* () {
    if (!mayTakeUp(yield* parts.actors.active)) return yield* Effect.sleep(busy)
    if (!(yield* takeOne(parts, ids))) {
      startedMs = undefined
      return yield* Effect.sleep(idle)
    }
    const nowMs = yield* Monotonic.nowMs
    startedMs ??= nowMs
    yield* Effect.sleep(pauseMs(nowMs - startedMs))
  }).pipe(
    // What was not taken up waits in the database.
    Effect.catchTag("StorageError", ({ message }) =>
      Effect.andThen(
        Effect.logWarning("What the level had held back could not be taken up", { reason: message }),
        Effect.sleep(idle)
      )
    ),
    Effect.forever
  )
}

/** Takes up the alerts of a cluster. */
export const layer = (
  cluster: string
): Layer.Layer<TakeUp, never, RemediationActors | Degradation | RemediationEvents | StandingOrders> =>
  Layer.effect(
    TakeUp,
    Effect.gen(function* () {
      const heldBack = yield* Effect.serviceOption(HeldBack)
      const actors = yield* RemediationActors
      const degradation = yield* Degradation
      const events = yield* RemediationEvents
      const orders = yield* StandingOrders
      return {
        run: Option.match(heldBack, {
          onNone: () => Effect.never,
          onSome: (service) => run({ cluster, heldBack: service, actors, degradation, events, orders })
        })
      }
    })
  )
