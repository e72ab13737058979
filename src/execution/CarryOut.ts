/**
 * Carries out one change of an intent: a pure decision, `nextMove`, and the loop that follows it.
 *
 *     read back ── present ──────────────────────────────> done    an earlier run wrote it before a crash
 *         │ ├───── superseded ───────────────────────────> stop    `conflict`, applied: no
 *         │ ├───── unsigned ─────────────────────────────> stop    `conflict`, applied: unknown (`no` if no write was sent)
 *         │ ├───── outdated, waits left ─────────────────> retry   after the read-back delay
 *         │ ├───── outdated, no waits left ──────────────> stop    `conflict`, applied: unknown (`no` if no write was sent)
 *         │ ├───── gone ─────────────────────────────────> stop    `conflict`
 *         │ └───── unreadable ───────────────────────────> stop    the last failure, applied: unknown (`no` if no write
 *         │                                                        was sent)
 *       absent
 *         ├─────── attempts used up ─────────────────────> stop    the last failure
 *         ├─────── expired, a write may show up ─────────> retry   after a second, for the first minute of a later run
 *         ├─────── intent expired ───────────────────────> stop    the last failure, or `stale` if there is none
 *         ├─────── writes not allowed ───────────────────> stop    `mode`
 *         ├─────── fence lost ───────────────────────────> stop    `fenced`
 *         ├─────── may not start ────────────────────────> stop    the objection
 *         │
 *       write ──── success ──────────────────────────────> done
 *           ├───── the pod is gone ──────────────────────> done    which was the goal of the change
 *           ├───── disruption budget, time left ─────────> retry   after the eviction interval
 *           ├───── disruption budget, deadline reached ──> stop    `disruption-budget`
 *           ├───── not now, patience left ───────────────> retry   after a growing wait: 429, 503, no response
 *           ├───── no response ──────────────────────────> retry   after the read-back delay
 *           ├───── not sent: our own limit ──────────────> retry   after the read-back delay, until the intent expires
 *           ├───── conflict ─────────────────────────────> retry   at once: it may be with our own earlier attempt
 *           ├───── failed for good, perhaps stored ──────> retry   only to read back: it is not written again
 *           ├───── invalid ──────────────────────────────> retry   only to read back: the object may be another one now
 *           └───── refused ──────────────────────────────> stop    its failure
 *
 * A retry reads back first. Reading back waits for the API server, and for our own limits, as long as the work has
 * patience. `RecoveryStrategy` says which failures mean _not now_.
 *
 * A stop is `applied: "unknown"` if a write of this change may have arrived or may still arrive: a write of this run
 * without a response, or the write of an earlier run, once the object is gone, cannot be read or has refused a write,
 * or writes are no longer allowed or the intent has expired within the last minute. Otherwise it is `applied: "no"`.
 *
 * The API server applies a patch before it compares versions. So a patch that was valid in the dry run and is invalid
 * now does not fit an object that somebody has changed or replaced since, and the stop is `conflict`.
 *
 * A read is outdated if it returns an object from before the plan, or after a conflict still the planned one: a cache
 * of the API server lags. What an earlier run has written may be missing from it.
 *
 * Such a read can also return the planned object, which looks as if the earlier run had written nothing. While the
 * intent is valid, that is harmless: the write is sent, and its conflict shows the truth. Once the intent has expired,
 * no write asks. The age of the intent does not show that the read is up to date, because the wall clock of this
 * process may be wrong. So the object is read for a minute by the monotonic clock before it is believed.
 *
 * A removal is not signed, and "not found" shows no version. So it is asked about once more (`Removal`). If the object
 * is gone and no write of this change can have arrived, somebody else has removed it: the change is done with `applied:
 * "no"`. After a write without a response, or the write of an earlier run, nobody can tell who has removed it: the
 * change is done with `applied: "unknown"`.
 */

import { Clock, Effect } from "effect"
import type { Change } from "../domain/Change.ts"
import type { Applied, Intent } from "../domain/Execution.ts"
import { find, type KubernetesClient, type KubernetesError } from "../kubernetes/KubernetesClient.ts"
import { waitOut } from "../kubernetes/NotNow.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import * as Patience from "../resilience/pipeline/Patience.ts"
import { changedSincePlan, classify, type Failure, fenced, otherMode, stale } from "./FailureClassifier.ts"
import { type Presence, presenceOf } from "./Presence.ts"
import { strategyOf } from "./RecoveryStrategy.ts"
import { confirmed, isGone, isRemoval } from "./Removal.ts"

/** What the loop has just learned. */
export type Event =
  | {
      readonly _tag: "ReadBack"
      readonly presence: Presence
      readonly nowMs: number
      readonly uid?: string | undefined
      /** How long this run has worked on the change, by the monotonic clock. Default 0. */
      readonly runMs?: number
    }
  | { readonly _tag: "Unreadable"; readonly error: KubernetesError }
  | { readonly _tag: "FenceLost" }
  /** Nothing was written yet, and the action may not start any more. */
  | { readonly _tag: "NotStarted"; readonly failure: Failure }
  | { readonly _tag: "Written"; readonly uid?: string | undefined }
  | {
      readonly _tag: "WriteFailed"
      readonly error: KubernetesError
      readonly nowMs: number
      /** How long the work may still wait for the cluster. Default 0. */
      readonly patienceMs?: number
    }

export interface Limits {
  /** The maximum number of times a write is sent. */
  readonly attempts: number
  readonly readBackDelayMs: number
  readonly evictionIntervalMs: number
  /** The deadline for waiting for disruption budgets, by the monotonic clock. */
  readonly evictionDeadlineMs: number
  /** The latest time at which a write may begin, by the wall clock. */
  readonly expiresAtMs: number
}

export interface Situation {
  readonly change: Change
  /** Whether an earlier run may have sent the write. */
  readonly resumed: boolean
  readonly mayWrite: boolean
  readonly limits: Limits
}

/** The state of the writes that were sent so far. */
export interface Progress {
  /** The number of the next write, from 1. An eviction that a disruption budget delays is not counted. */
  readonly attempt: number
  /** Whether a write with an unknown effect was sent. */
  readonly unanswered: boolean
  readonly lastFailure: Failure | undefined
  /** How many times it has waited for the cluster. */
  readonly waits: number
}

export const begun: Progress = { attempt: 1, unanswered: false, lastFailure: undefined, waits: 0 }

export interface Done {
  readonly _tag: "Done"
  /** Whether a write of this change has changed the cluster. */
  readonly applied: Applied
  /** The uid of the object that the change has created. */
  readonly uid?: string | undefined
}
export interface Stop {
  readonly _tag: "Stop"
  readonly failure: Failure
  readonly applied: Applied
}
export type Move =
  | Done
  | Stop
  /** The change is not in the cluster and may be written, if the fence holds. */
  | { readonly _tag: "Write" }
  /** Wait, then read back. `patient`: the wait takes patience. */
  | { readonly _tag: "Retry"; readonly afterMs: number; readonly progress: Progress; readonly patient?: true }

/** The longest wait for the cluster before a write is sent again, whatever the server requests. */
const longestPauseMs = 5000

/** How often an object is read again that is older than the plan: a cache of the API server catches up in seconds. */
const outdatedWaits = 30

const done: Done = { _tag: "Done", applied: "yes" }
const stop = (failure: Failure, applied: Applied): Stop => ({ _tag: "Stop", failure, applied })
const retry = (afterMs: number, progress: Progress): Move => ({ _tag: "Retry", afterMs, progress })

/** What was created is recognized by its uid from now on: only what we have created is ever removed again. */
const createdAs = (move: Done, { _tag }: Change, uid: string | undefined): Done =>
  _tag === "Create" && uid !== undefined ? { ...move, uid } : move

/** How long a write may be in flight, or be missing from a read: the default `--request-timeout` of the API server. */
const inFlightMs = 60_000

/** The wait before an object is read again that may show the write of an earlier run. */
const showUpDelayMs = 1000

/** A removal is not signed. Somebody else made it, unless a write of it may have arrived: then nobody can tell. */
const removed = (mayHaveArrived: boolean): Done => ({ _tag: "Done", applied: mayHaveArrived ? "unknown" : "no" })

/** A patch and a new object are signed. */
const whenPresent = ({ unanswered }: Progress, { change, resumed }: Situation): Done =>
  isRemoval(change) ? removed(unanswered || resumed) : done

/** After a conflict the planned version is no longer the newest, so a read that still returns it is out of date too. */
const isOutdated = (presence: Presence, { lastFailure }: Progress, change: Change): boolean =>
  presence === "outdated" || (presence === "absent" && lastFailure?.code === "conflict" && change._tag === "Patch")

/** The next move after an event; see the diagram above. */
export const nextMove = (event: Event, progress: Progress, situation: Situation): Move => {
  const { change, limits, mayWrite, resumed } = situation
  const { attempt, lastFailure, unanswered } = progress
  const applied = unanswered ? "unknown" : "no"
  switch (event._tag) {
    case "ReadBack": {
      if (event.presence === "present") return createdAs(whenPresent(progress, situation), change, event.uid)
      if (event.presence === "superseded")
        return stop(changedSincePlan(change), isRemoval(change) && (unanswered || resumed) ? "unknown" : "no")
      const outdated = isOutdated(event.presence, progress, change)
      if (outdated && progress.waits < outdatedWaits)
        return retry(limits.readBackDelayMs, { ...progress, waits: progress.waits + 1 })
      if (event.presence === "gone" || event.presence === "unsigned" || outdated)
        return stop(changedSincePlan(change), unanswered || resumed ? "unknown" : "no")
      if (lastFailure !== undefined && attempt > limits.attempts) return stop(lastFailure, applied)
      // The write of an earlier run may still be in flight, and this run makes none that would conflict with it.
      const inFlight = resumed && event.nowMs < limits.expiresAtMs + inFlightMs ? "unknown" : applied
      const isExpired = event.nowMs >= limits.expiresAtMs
      if (isExpired && resumed && (event.runMs ?? 0) < inFlightMs) return retry(showUpDelayMs, progress)
      if (isExpired) return stop(lastFailure ?? stale, inFlight)
      return mayWrite ? { _tag: "Write" } : stop(otherMode, inFlight)
    }
    case "Unreadable":
      return stop(lastFailure ?? classify(event.error), unanswered || resumed ? "unknown" : "no")
    case "FenceLost":
      return stop(fenced, applied)
    case "NotStarted":
      return stop(event.failure, resumed ? "unknown" : "no")
    case "Written":
      return createdAs(done, change, event.uid)
    case "WriteFailed":
      return afterFailedWrite(event, progress, situation)
  }
}

/** The wait of a write that the cluster cannot carry out now. It grows, unless the server says how long to wait. */
const pauseMs = ({ reason }: KubernetesError, waits: number, leastMs: number): number => {
  const asked = "retryAfterMs" in reason ? reason.retryAfterMs : undefined
  return Math.min(longestPauseMs, Math.max(leastMs, asked ?? leastMs * 2 ** Math.min(waits, 8)))
}

const afterFailedWrite = (
  { error, nowMs, patienceMs = 0 }: Extract<Event, { _tag: "WriteFailed" }>,
  { attempt, unanswered: before, waits }: Progress,
  { change, limits, resumed }: Situation
): Move => {
  // The response may be to a repetition of a write that took effect.
  const unanswered = before || error.applied !== "no"
  if (isGone(change, error)) return removed(unanswered || resumed)
  const lastFailure = classify(error)
  const strategy = strategyOf(lastFailure.code)
  const next = (attempt: number): Progress => ({ attempt, unanswered, lastFailure, waits })
  if (strategy === "wait-for-budget") {
    return nowMs + limits.evictionIntervalMs > limits.evictionDeadlineMs
      ? stop(lastFailure, unanswered ? "unknown" : "no")
      : retry(limits.evictionIntervalMs, next(1))
  }
  const isNotNow = strategy === "send-again" || strategy === "read-back"
  if (isNotNow && patienceMs > 0) {
    const afterMs = pauseMs(error, waits, limits.readBackDelayMs)
    return { _tag: "Retry", afterMs, progress: { ...next(attempt), waits: waits + 1 }, patient: true }
  }
  if (lastFailure.code === "own-limit" && error.applied === "no") return retry(limits.readBackDelayMs, next(attempt))
  if (error.applied !== "no") return retry(limits.readBackDelayMs, next(isNotNow ? attempt + 1 : limits.attempts + 1))
  // This refusal says nothing about a write that an earlier run sent: that write may still be in flight, and the
  // read-back may have been out of date.
  const mayArrive = unanswered || resumed
  if (error.reason._tag === "Conflict") return retry(0, { ...next(attempt + 1), unanswered: mayArrive })
  if (lastFailure.code === "invalid" && change._tag === "Patch")
    return retry(0, { ...next(limits.attempts + 1), unanswered: mayArrive })
  return stop(lastFailure, mayArrive ? "unknown" : "no")
}

const readBack = (
  client: KubernetesClient["Service"],
  change: Change,
  { baseline, executionId }: Writer,
  { beganMs, mayWrite }: { readonly beganMs: number; readonly mayWrite: boolean }
): Effect.Effect<Event> => {
  return waitOut(find(client, change.ref)).pipe(
    Effect.flatMap((object) => {
      const read = presenceOf(change, executionId, object, baseline)
      // Without the right to write, nothing is claimed: what is gone is not known to have been removed by Kubernaut.
      const presence = mayWrite ? confirmed(client, change, object, read) : Effect.succeed(read)
      return Effect.map(presence, (presence) => ({ object, presence }))
    }),
    Effect.flatMap(({ object, presence }) =>
      Effect.map(Effect.all([Clock.currentTimeMillis, Monotonic.nowMs]), ([nowMs, monotonicMs]): Event => ({
        _tag: "ReadBack",
        presence,
        nowMs,
        uid: object?.metadata.uid,
        runMs: monotonicMs - beganMs
      }))
    ),
    Effect.catch((error) => Effect.succeed<Event>({ _tag: "Unreadable", error }))
  )
}

/** What is asked just before a write. */
export interface Guard<E> {
  /** Whether the fence still holds. */
  readonly holds: Effect.Effect<boolean, E>
  /** What keeps an action from starting; asked for as long as no write of it can have arrived. Default: nothing does. */
  readonly objection?: Effect.Effect<Failure | undefined, E>
}

const write = Effect.fnUntraced(function* <E>(
  client: KubernetesClient["Service"],
  change: Change,
  { holds, objection = Effect.undefined }: Guard<E>
): Effect.fn.Return<Event, E> {
  if (!(yield* holds)) return { _tag: "FenceLost" }
  const failure = yield* objection
  if (failure !== undefined) return { _tag: "NotStarted", failure }
  const written = yield* Effect.result(client.apply(change))
  if (written._tag === "Success") return { _tag: "Written", uid: written.success?.metadata.uid }
  const patience = yield* Patience.CurrentPatience
  return {
    _tag: "WriteFailed",
    error: written.failure,
    nowMs: yield* Monotonic.nowMs,
    patienceMs: patience?.leftMs ?? 0
  }
})

/** Waits before a retry, and takes the patience for it. */
const pause = Effect.fnUntraced(function* (move: Extract<Move, { _tag: "Retry" }>) {
  if (move.afterMs <= 0) return
  const patience = move.patient === true ? yield* Patience.CurrentPatience : undefined
  const fromMs = yield* Monotonic.nowMs
  yield* Effect.sleep(Math.min(move.afterMs, patience?.leftMs ?? move.afterMs))
  patience?.spend(fromMs, yield* Monotonic.nowMs)
})

/** Whose write it is, and the target before it. */
export type Writer = Pick<Intent, "baseline" | "executionId">

/** Carries out one change, unless it is already in the cluster. */
export const carryOut = Effect.fnUntraced(function* <E>(
  client: KubernetesClient["Service"],
  intent: Writer,
  situation: Situation,
  guard: Guard<E>
): Effect.fn.Return<Done | Stop, E> {
  const { change } = situation
  const run = { beganMs: yield* Monotonic.nowMs, mayWrite: situation.mayWrite }
  let progress = begun
  let event = yield* readBack(client, change, intent, run)
  while (true) {
    const move = nextMove(event, progress, situation)
    switch (move._tag) {
      case "Done":
      case "Stop":
        return move
      case "Write":
        event = yield* write(client, change, progress.unanswered ? { holds: guard.holds } : guard)
        break
      case "Retry":
        progress = move.progress
        yield* pause(move)
        event = yield* readBack(client, change, intent, run)
    }
  }
})
