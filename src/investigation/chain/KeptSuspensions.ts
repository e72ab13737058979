/**
 * Keeps the suspensions of accounts across restarts: a new process begins with what is left of them, and every change
 * is recorded. While the database is down, the newest state is recorded when it is back. An account that no tier has
 * any more, because its key was replaced, is removed.
 */

import { Effect, Exit, Queue } from "effect"
import type { AccountLine, AccountSuspension } from "../../domain/AccountSuspension.ts"
import * as Timestamp from "../../domain/Timestamp.ts"
import type { EventHub } from "../../resilience/EventHub.ts"
import type { ResilienceEvent } from "../../resilience/ResilienceEvent.ts"
import type { TierPipeline } from "./TierPipeline.ts"

/** Where they are kept. `AccountSuspensions` of `storage` has this shape. */
export interface SuspensionStore {
  /** What the process before this one has left. */
  readonly kept: ReadonlyArray<AccountSuspension>
  readonly record: (
    account: string,
    suspension: AccountSuspension | undefined,
    line: AccountLine
  ) => Effect.Effect<void, { readonly _tag: string }>
}

/** No suspension lasts longer. */
const longestMs = 24 * 60 * 60_000
const retryEvery = "2 seconds"
/** A suspension that ends within so many milliseconds of the recorded one is the same. */
const sameWithinMs = 1000

/**
 * What is left of a suspension, in milliseconds. 0: the next call tries the account. Never more than its length, also
 * if the wall clock was set back. Pure.
 */
export const leftMs = (
  { forMs = longestMs, until }: Pick<AccountSuspension, "forMs" | "until">,
  nowMs: number
): number => Math.min(longestMs, forMs, Math.max(0, Timestamp.toMillis(until) - nowMs))

/** Suspends the breakers of the accounts that were suspended before the restart. */
export const restore = (
  tiers: ReadonlyArray<TierPipeline>,
  kept: ReadonlyArray<AccountSuspension>
): Effect.Effect<void> =>
  Effect.flatMap(Timestamp.now, (now) =>
    Effect.forEach(
      tiers,
      ({ account, pipeline }) => {
        const suspension = kept.find((each) => each.account === account)
        const breaker = pipeline?.circuitBreaker
        if (suspension === undefined || breaker === undefined) return Effect.void
        const { reason, times } = suspension
        return breaker.suspend({ forMs: leftMs(suspension, Timestamp.toMillis(now)), reason, times })
      },
      { discard: true }
    )
  )

/** A suspension, and whether its time is over, so that the next call tries the account. */
interface Now extends AccountSuspension {
  readonly isDue: boolean
}

/** The suspension of an account now: that of the tier which is suspended longest. */
const suspensionNow = (account: string, tiers: ReadonlyArray<TierPipeline>) =>
  Effect.gen(function* () {
    const nowMs = Timestamp.toMillis(yield* Timestamp.now)
    let found: Now | undefined
    for (const { pipeline } of tiers) {
      if (pipeline?.circuitBreaker === undefined) continue
      const { _tag, reason = "", retryAfterMs, suspensions: times = 1 } = yield* pipeline.circuitBreaker.state
      const forMs = Math.ceil(retryAfterMs ?? 0)
      const until = Timestamp.fromMillis(nowMs + forMs)
      if (_tag === "Suspended" && (found === undefined || until > found.until))
        found = { account, reason, until, forMs, times, isDue: retryAfterMs === undefined }
    }
    return found
  })

/** Whether this is recorded. Once the time is over, it does not matter for how long. */
const isRecorded = (before: AccountSuspension | undefined, now: Now | undefined): boolean => {
  if (before === undefined || now === undefined) return before === now
  if (before.reason !== now.reason || before.times !== now.times) return false
  return now.isDue || Timestamp.toMillis(now.until) - Timestamp.toMillis(before.until) < sameWithinMs
}

const withoutDue = ({ isDue: _isDue, ...suspension }: Now): AccountSuspension => suspension

/** Records every change. Never ends; run it as a supervised child. */
export const keep = (
  tiers: ReadonlyArray<TierPipeline>,
  store: SuspensionStore,
  hub: EventHub<ResilienceEvent>
): Effect.Effect<never> => {
  const recorded = new Map(store.kept.map((each) => [each.account, each]))
  // One that nobody uses any more serves nobody for ever, which people have to be told is over.
  const accounts = new Map<string, ReadonlyArray<TierPipeline>>(store.kept.map(({ account }) => [account, []]))
  for (const [account, members] of Map.groupBy(tiers, ({ account }) => account)) accounts.set(account, members)
  const recordOne = Effect.fnUntraced(function* (account: string, members: ReadonlyArray<TierPipeline>) {
    const before = recorded.get(account)
    const now = yield* suspensionNow(account, members)
    if (isRecorded(before, now)) return true
    // The same services until it ends: the first of them identifies what people were told.
    const services = before?.services ?? members.map(({ service }) => service)
    const suspension = now === undefined ? undefined : { ...withoutDue(now), services }
    const line: AccountLine =
      now !== undefined
        ? { kind: "account.suspended", services, isFirst: before === undefined }
        : { kind: "account.resumed", services, ...(members.length === 0 ? { isReplaced: true } : {}) }
    const exit = yield* Effect.exit(store.record(account, suspension, line))
    if (Exit.isFailure(exit)) return false
    if (suspension === undefined) recorded.delete(account)
    else recorded.set(account, suspension)
    return true
  })
  return Effect.scoped(
    Effect.gen(function* () {
      const wakes = yield* Queue.sliding<void>(1)
      yield* hub.listen((event) => {
        if (event._tag === "BreakerTransition" && (event.from === "Suspended" || event.to === "Suspended"))
          Queue.offerUnsafe(wakes, undefined)
      })
      while (true) {
        const done = yield* Effect.forEach(accounts, ([account, members]) => recordOne(account, members))
        yield* done.includes(false) ? Effect.sleep(retryEvery) : Queue.take(wakes)
      }
    })
  )
}
