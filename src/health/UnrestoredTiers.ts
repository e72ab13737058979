/**
 * The tiers that are not in full use: they are out, or get a share of the calls. The next process has to know them: its
 * breakers are new and closed, and it would give a tier that has just come back all of the calls at once.
 *
 * A tier that is not in full use for a process that is still there, beside this one, may be so for that one alone. It
 * is for this one, too, once its own health check has found that it does not work.
 */

import { Effect } from "effect"
import type { Beginning, LevelRecord } from "../domain/LevelRecord.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import type { Watched } from "./LevelFacts.ts"

type Unrestored = NonNullable<LevelRecord["unrestored"]>

const timesOf = (unrestored: Unrestored = []) => unrestored.map(({ service, since }) => [service, since] as const)

/** `startedAt`: where an earlier version has not kept since when a service was out. */
const keptTimes = (kept: Beginning | undefined, startedAt: Timestamp.Timestamp) =>
  new Map(
    kept?.unrestored === undefined && kept?.elsewhere === undefined
      ? (kept?.out ?? []).map((service) => [service, startedAt] as const)
      : timesOf(kept.unrestored)
  )

/** Follows the tiers. `kept`: what the process before this one has recorded, and what those beside it have. */
export const make = (
  tiers: ReadonlyArray<Watched>,
  kept: Beginning | undefined,
  startedAt: Timestamp.Timestamp
): {
  /** Tells the tiers since when they are not in full use. */
  readonly resume: Effect.Effect<void>
  /** These are out for this process, too. */
  readonly confirm: (services: ReadonlyArray<string>) => Effect.Effect<void>
  /** Whether a service counts as out only because it is for others. */
  readonly isElsewhere: (service: string) => boolean
  /** The tiers that are not in full use now, in order. */
  readonly read: Effect.Effect<Unrestored>
} => {
  /** A time is found once, because both clocks are rounded. */
  const times = keptTimes(kept, startedAt)
  const beside = new Set(kept?.elsewhere?.map(({ service }) => service))
  const elsewhere = new Map(
    [...(kept?.out ?? []).map((service) => [service, startedAt] as const), ...timesOf(kept?.elsewhere)].filter(
      ([service]) => !times.has(service)
    )
  )
  const resumeAll = Effect.fnUntraced(function* (services: ReadonlyMap<string, Timestamp.Timestamp>) {
    const nowMs = yield* Monotonic.nowMs
    const wallMs = Timestamp.toMillis(yield* Timestamp.now)
    for (const { resume, service } of tiers) {
      const since = services.get(service)
      if (since === undefined || resume === undefined) continue
      // A wall clock that was set back must not end an outage before it began.
      yield* resume(nowMs - Math.max(0, wallMs - Timestamp.toMillis(since)))
    }
  })
  return {
    resume: resumeAll(times),
    confirm: Effect.fnUntraced(function* (services) {
      const confirmed = new Map([...elsewhere].filter(([service]) => services.includes(service)))
      for (const [service, since] of confirmed) {
        elsewhere.delete(service)
        times.set(service, since)
      }
      yield* resumeAll(confirmed)
    }),
    isElsewhere: (service) => beside.has(service) && elsewhere.has(service),
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
