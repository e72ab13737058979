/**
 * Takes the spool into the database, in the order in which its posts were received and as of the time at which they
 * were received.
 *
 * An entry is tried again every second until the database has it, so the replay itself finds out when the database is
 * back. An entry that the database refuses for its content would hold up everything behind it: after three attempts it
 * is kept in a file of its own, and the audit log and the log name it. A database that is not healthy refuses nothing:
 * the entry waits for it.
 */

import { Duration, Effect, Layer, Option } from "effect"
import { mostSevere, type Severity } from "../domain/Alert.ts"
import type { TargetKey } from "../domain/Target.ts"
import { now } from "../domain/Timestamp.ts"
import type { RemediationStore } from "../storage/RemediationStore.ts"
import type { AlertSpool, Oldest } from "../storage/spool/AlertSpool.ts"
import { AlertSpool as Spool } from "../storage/spool/AlertSpool.ts"
import type { SpoolFault } from "../storage/spool/SpoolDisk.ts"
import { SpoolReplay } from "../storage/spool/SpoolReplay.ts"
import { type Replayed, SpoolStore } from "../storage/spool/SpoolStore.ts"
import { isAboutTheContent, type StorageError } from "../storage/StorageError.ts"
import { StorageHealth } from "../storage/StorageHealth.ts"
import { type AlertReceived, endedIn, statusOf } from "./Receipt.ts"
import * as RemediationIds from "./RemediationIds.ts"

export interface ReplayOptions {
  /** As in `IntakeOptions`. */
  readonly onAccepted: (
    targets: ReadonlyArray<TargetKey>,
    severities: ReadonlyMap<TargetKey, Severity>
  ) => Effect.Effect<void>
  readonly onReceived?: (event: AlertReceived) => void
}

const pause = Duration.seconds(1)

/** After so many refusals of its content an entry is set aside. */
const mostRefusals = 3

interface Parts {
  readonly spool: AlertSpool["Service"]
  readonly store: SpoolStore["Service"]
  readonly newIds: ReturnType<typeof RemediationIds.make>
  readonly isHealthy: Effect.Effect<boolean>
  readonly options: ReplayOptions
}

/** Wakes the actors, and publishes what became of each alert. */
const report = ({ options }: Parts, { entry }: Oldest, { accepted, resolved }: Replayed): Effect.Effect<void> => {
  const severities = new Map<TargetKey, Severity>()
  accepted.forEach((result, place) => {
    const { severity } = entry.firing[place]!.alert
    options.onReceived?.({ status: statusOf(result), severity, source: entry.source, ...endedIn(result) })
    if (result.status === "accepted" || result.status === "joined")
      severities.set(result.target, mostSevere(severity, severities.get(result.target) ?? severity))
  })
  const ended = resolved.flatMap(({ open, target }) => {
    options.onReceived?.({ status: "resolved", severity: "none", source: entry.source })
    return open && target !== undefined ? [target] : []
  })
  return options.onAccepted([...new Set([...severities.keys(), ...ended])], severities)
}

/** Takes one entry. */
const replay = Effect.fnUntraced(function* (parts: Parts, oldest: Oldest, refusedTo?: string) {
  const { entry, isLast } = oldest
  const ids = yield* parts.newIds(entry.firing.length)
  const isRefused = refusedTo !== undefined
  const replayed = yield* parts.store.replay(
    {
      spool: entry.spool,
      sequence: entry.sequence,
      at: entry.at,
      // There are as many ids as alerts.
      firing: isRefused ? [] : entry.firing.map((alert, place) => ({ id: ids[place]!, ...alert })),
      resolved: isRefused ? [] : entry.resolved,
      isLast,
      ...(isRefused ? { refusedTo } : {})
    },
    yield* now
  )
  if (replayed.missing > 0)
    yield* Effect.logError("Entries of the spool are damaged, and their alerts are lost", {
      entries: replayed.missing,
      before: entry.sequence
    })
  yield* report(parts, oldest, replayed)
  yield* parts.spool.replayed(entry)
  if (isLast && !replayed.isRepeat)
    yield* Effect.logInfo("The spool has been replayed: the database stores alerts again", { until: entry.at })
})

/** Keeps an entry that the database refuses, so that those behind it are not lost. */
const setAside = Effect.fnUntraced(function* (parts: Parts, oldest: Oldest, error: StorageError) {
  const file = yield* parts.spool.keep(oldest.entry)
  yield* Effect.logError("The database refuses an entry of the spool. It is kept, and has to be looked at", {
    file,
    reason: error.message
  })
  yield* replay(parts, oldest, file)
})

const run = (parts: Parts): Effect.Effect<never> => {
  let refusals = 0
  let isStuck = false
  /** Once, and not in each attempt. */
  const stuck = (error: StorageError | SpoolFault): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (error._tag !== "SpoolFault" || isStuck) return Effect.void
      isStuck = true
      return Effect.logError("An entry that the database refuses cannot be kept, and what is behind it waits", {
        reason: error.message
      })
    })
  const turn = Effect.gen(function* () {
    const oldest = yield* parts.spool.oldest
    yield* Effect.catchTag(replay(parts, oldest), "StorageError", (error) =>
      Effect.flatMap(parts.isHealthy, (isHealthy) => {
        refusals = isHealthy && isAboutTheContent(error) ? refusals + 1 : 0
        return refusals < mostRefusals ? Effect.fail(error) : Effect.tapError(setAside(parts, oldest, error), stuck)
      })
    )
    refusals = 0
    isStuck = false
  })
  const { database } = parts.store
  return Effect.andThen(
    database === undefined ? Effect.void : parts.spool.belongTo(database),
    turn.pipe(
      Effect.catchCause(() => Effect.sleep(pause)),
      Effect.forever({ disableYield: false })
    )
  )
}

/** Replays the spool where there is one. */
export const layer = (options: ReplayOptions): Layer.Layer<SpoolReplay, never, RemediationStore> =>
  Layer.effect(
    SpoolReplay,
    Effect.gen(function* () {
      const spool = yield* Effect.serviceOption(Spool)
      const store = yield* Effect.serviceOption(SpoolStore)
      if (spool._tag === "None" || store._tag === "None") return { run: Effect.never }
      const health = yield* Effect.serviceOption(StorageHealth)
      const isHealthy = Option.match(health, {
        onNone: () => Effect.succeed(true),
        onSome: ({ status }) => Effect.map(status, ({ _tag }) => _tag === "Up")
      })
      return { run: run({ spool: spool.value, store: store.value, newIds: RemediationIds.make(), isHealthy, options }) }
    })
  )
