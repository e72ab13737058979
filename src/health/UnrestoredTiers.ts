/**
 * The tiers that are not in full use: they are out, or get a share of the calls. The next process has to know them: its
 * breakers are new and closed, and it would give a tier that has just come back all of the calls at once.
 */

import { Effect } from "effect"
import type { LevelRecord } from "../domain/LevelRecord.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import type { Watched } from "./LevelFacts.ts"

type Unrestored = NonNullable<LevelRecord["unrestored"]>

/** `startedAt`: where an earlier version has not kept since when a service was out. */
const keptTimes = (kept: LevelRecord | undefined, startedAt: Timestamp.Timestamp) =>
  new Map([
    ...(kept?.out ?? []).map((service) => [service, startedAt] as const),
    ...(kept?.unrestored ?? []).map(({ service, since }) => [service, since] as const)
  ])

/** Follows the tiers. `kept`: what the process before this one has recorded. */
export const make = (
  tiers: ReadonlyArray<Watched>,
  kept: LevelRecord | undefined,
  startedAt: Timestamp.Timestamp
): {
  /** Tells the tiers since when they are not in full use. */
  readonly resume: Effect.Effect<void>
  /** The tiers that are not in full use now, in order. */
  readonly read: Effect.Effect<Unrestored>
} => {
  /** A time is found once, because both clocks are rounded. */
  const times = keptTimes(kept, startedAt)
  return {
    resume: Effect.gen(function* () {
      const nowMs = yield* Monotonic.nowMs
      for (const { resume, service } of tiers) {
        const since = times.get(service)
        if (since === undefined || resume === undefined) continue
        // A wall clock that was set back must not end an outage before it began.
        yield* resume(nowMs - Math.max(0, Timestamp.toMillis(startedAt) - Timestamp.toMillis(since)))
      }
    }),
    read: Effect.gen(function* () {
      const wallMs = Timestamp.toMillis(yield* Timestamp.now)
      const found: Array<Unrestored[number]> = []
      for (const { ramp, service } of tiers) {
        if (ramp === undefined) continue
        const { sinceMs } = yield* ramp
        const since = times.get(service) ?? (sinceMs === undefined ? undefined : Timestamp.fromMillis(wallMs - sinceMs))
        if (sinceMs === undefined || since === undefined) times.delete(service)
        else {
          times.set(service, since)
          found.push({ service, since })
        }
      }
      return found
    })
  }
}
