/**
 * Compares how long the calls of each service take with how long they took before.
 *
 * | the median of the last 5 minutes                                          | finding   |
 * | ------------------------------------------------------------------------- | --------- |
 * | is of fewer than 10 calls, or there were fewer than 30 in the hour before | unknown   |
 * | is more than 3 times that of the hour before, and 500 ms longer           | unhealthy |
 * | otherwise                                                                 | healthy   |
 *
 * A fixed limit would be wrong for a model that always needs a minute, and for an API server that never needs a tenth
 * of a second. The median ignores a single slow call. It is a warning and no cause of an emergency: what is slow still
 * works, and a breaker opens where it does not.
 */

import { Clock, Effect, type Scope } from "effect"
import type { EventHub } from "../resilience/EventHub.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import type { ResilienceEvent } from "../resilience/ResilienceEvent.ts"
import { type Check, healthy, type Outcome, unhealthy, unknown } from "./Check.ts"

/** One call. `atMs`: when it ended, by the monotonic clock. */
export interface Sample {
  readonly atMs: number
  readonly durationMs: number
}

const recentMs = 5 * 60_000
const pastMs = 60 * 60_000
const fewestRecent = 10
const fewestPast = 30
const factor = 3
const leastMoreMs = 500

/** The calls that are kept of one service. With more, the hour before becomes shorter. */
const mostSamples = 1000

const median = (durations: ReadonlyArray<number>): number =>
  durations.toSorted((left, right) => left - right)[Math.floor(durations.length / 2)] ?? 0

/** Both medians; `undefined`: there are too few calls to compare. */
export const compare = (
  samples: ReadonlyArray<Sample>,
  nowMs: number
): { readonly nowMs: number; readonly beforeMs: number; readonly isSlow: boolean } | undefined => {
  const recent = samples.filter(({ atMs }) => atMs > nowMs - recentMs)
  const past = samples.filter(({ atMs }) => atMs <= nowMs - recentMs && atMs > nowMs - recentMs - pastMs)
  if (recent.length < fewestRecent || past.length < fewestPast) return undefined
  const now = median(recent.map(({ durationMs }) => durationMs))
  const before = median(past.map(({ durationMs }) => durationMs))
  return { nowMs: now, beforeMs: before, isSlow: now > factor * before && now - before > leastMoreMs }
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

/** What the calls of all services mean now. */
export const outcomeOf = (calls: ReadonlyMap<string, ReadonlyArray<Sample>>, nowMs: number): Outcome => {
  const found = [...calls].flatMap(([service, samples]) => {
    const compared = compare(samples, nowMs)
    return compared === undefined ? [] : [{ service, ...compared }]
  })
  if (found.length === 0) return unknown("there were too few calls to compare the last 5 minutes with the hour before")
  const slow = found.filter(({ isSlow }) => isSlow)
  return slow.length === 0
    ? healthy(`as fast as in the hour before: ${found.map(({ service }) => service).join(", ")}`)
    : unhealthy(
        slow
          .map(({ beforeMs, nowMs, service }) => `${service} takes ${seconds(nowMs)}, and took ${seconds(beforeMs)}`)
          .join("; ")
      )
}

/** A call that the peer has answered, or that has waited for it until its deadline. */
const callOf = (event: ResilienceEvent): { readonly service: string; readonly durationMs: number } | undefined =>
  event._tag === "CallSucceeded"
  || (event._tag === "CallFailed" && (event.reason === "attempt-timeout" || event.reason === "deadline"))
    ? { service: event.pipeline, durationMs: event.durationMs }
    : undefined

/** Makes the check. It begins to listen at once. */
export const latencyCheck = (hub: EventHub<ResilienceEvent>): Effect.Effect<Check, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const calls = new Map<string, Array<Sample>>()
    yield* hub.listen((event) => {
      const call = callOf(event)
      if (call === undefined) return
      const samples = calls.get(call.service) ?? []
      calls.set(call.service, samples)
      samples.push({ atMs: Monotonic.nowMsUnsafe(clock), durationMs: call.durationMs })
      if (samples.length > mostSamples) samples.shift()
    })
    return {
      name: "latency",
      layer: "integration",
      interval: "1 minute",
      run: Effect.map(Monotonic.nowMs, (nowMs) => outcomeOf(calls, nowMs))
    }
  })
