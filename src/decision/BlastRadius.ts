/**
 * How much is acted on at once: budgets per target, namespace, node pool and cluster that refill over time.
 *
 * **A budget is a token bucket.** It holds `burst` tokens, an action takes one of every budget that it falls under, and
 * one comes back every `refill`. Its level follows from the times of the earlier actions in the durable history, so it
 * is the same after a restart. Nothing latches: without actions, every bucket is full after `burst` times `refill`.
 *
 * **An empty budget is _not now_.** The action waits its turn. The turns are in the order of
 *
 *     (age - allowance of the severity) / 5 minutes - back-off
 *
 * where the allowance is that of `domain/Urgency` (critical 0, warning 5 minutes), and the back-off is the number of
 * actions on the target in a row without effect. So a critical alert goes before every warning that is less than five
 * minutes older, everybody moves forward with time, and a target on which nothing helps makes room for the others. A
 * waiting action holds nobody up who needs other budgets.
 *
 * A quarter of each bucket of four or more is kept for critical alerts, so that a storm of warnings leaves them one.
 *
 * An action counts from its execution. One that may still be written has its token until then, for as long as an intent
 * may be carried out: otherwise a cluster that responds again after minutes would get all of them at once, and those
 * that the refilled buckets have admitted since.
 *
 * After a doubt about our own view (`OwnView`) the bucket of the cluster begins with a single token.
 *
 * An action that a person has approved does not wait: the person paces it. It takes its tokens all the same.
 */

import { Duration } from "effect"
import type { Severity } from "../domain/Alert.ts"
import type { SpentAction } from "../domain/PastAction.ts"
import { namespaceOf, type TargetKey } from "../domain/Target.ts"
import { toMillis } from "../domain/Timestamp.ts"
import { allowanceMs } from "../domain/Urgency.ts"
import { type Budget, clusterBudget } from "./BlastRadiusSettings.ts"
import type { GuardrailSettings } from "./GuardrailSettings.ts"

/** An action that wants to start. */
export interface Claimant {
  /** Unique. It decides between two that are equal otherwise. */
  readonly id: string
  readonly target: TargetKey
  readonly severity: Severity
  /** When its alert was received. */
  readonly sinceMs: number
  /** The actions on the target in a row without effect. */
  readonly backOff: number
  /** The pools on which it acts. */
  readonly pools: ReadonlyArray<string>
  /** The number of nodes of its pool, if it acts on a node. */
  readonly poolSize?: number
}

/** The action history, as far back as it is known. */
export interface Spending {
  /** Also those that have been decided and are not in the history yet. */
  readonly spent: ReadonlyArray<SpentAction>
  /** Since when `spent` is complete. */
  readonly sinceMs: number
  /** When our own view was last in doubt (`OwnView`). Absent: it was not. */
  readonly doubtedMs?: number
}

/** A budget that an action falls under. */
export interface Scope {
  readonly kind: "target" | "namespace" | "pool" | "cluster"
  /** The target, the namespace or the pool; empty for the cluster. */
  readonly whose: string
  /** Equal for all actions that share the budget. */
  readonly key: string
  /** For people, such as `namespace shop`. */
  readonly name: string
  readonly burst: number
  readonly refillMs: number
}

/** What is in a bucket. */
export interface Level {
  /** In milliseconds of refill, so that it is a whole number. */
  readonly filledMs: number
}

/** Whether an action may start, or for how long it waits before it asks again, and for which budgets. */
export type Turn =
  | { readonly _tag: "Granted" }
  | { readonly _tag: "Wait"; readonly forMs: number; readonly scopes: ReadonlyArray<Scope> }

const ageUnitMs = 5 * 60_000

/** For how long an action that was intended may be written: the default of the service. */
const writtenWithinMs = 10 * 60_000

/** The budgets that an action falls under: the kind of each, and whose it is. */
const budgetsOf = ({
  pools,
  target
}: Pick<SpentAction, "target" | "pools">): ReadonlyArray<readonly [kind: Scope["kind"], whose: string]> => {
  const namespace = namespaceOf(target)
  return [
    ["target", target],
    ...(namespace === "" ? [] : [["namespace", namespace] as const]),
    ...pools.map((pool) => ["pool", pool] as const),
    ["cluster", ""]
  ]
}

/** How many nodes of a pool may be acted on at once. */
const ofPool = ({ maximumNodesOut, blastRadius: { pool } }: GuardrailSettings, size: number | undefined): Budget =>
  size === undefined ? pool : { ...pool, burst: Math.min(pool.burst, Math.max(1, Math.floor(size * maximumNodesOut))) }

/** The budgets that an action falls under. */
export const scopesOf = (claimant: Claimant, settings: GuardrailSettings): ReadonlyArray<Scope> => {
  const { blastRadius } = settings
  const budgets = {
    target: blastRadius.target,
    namespace: blastRadius.namespace,
    pool: ofPool(settings, claimant.poolSize),
    cluster: clusterBudget(settings)
  }
  return budgetsOf(claimant).map(([kind, whose]): Scope => {
    const { burst, refill } = budgets[kind]
    const key = `${kind} ${whose}`
    return {
      kind,
      whose,
      key,
      name: kind === "target" || kind === "cluster" ? `the ${kind}` : key,
      burst,
      refillMs: Duration.toMillis(refill)
    }
  })
}

/** How far back the history is needed: a bucket that was empty then is full now, unless it was used. */
export const horizonMs = (settings: GuardrailSettings): number => {
  const { blastRadius } = settings
  const budgets = [blastRadius.target, blastRadius.namespace, blastRadius.pool, clusterBudget(settings)]
  return 2 * Math.max(...budgets.map(({ burst, refill }) => burst * Duration.toMillis(refill)))
}

/**
 * What is in a bucket, given the times of the actions that took a token. It counts as empty where the history begins:
 * so it is never fuller than it would be with the whole history.
 *
 * A person may have approved an action although the bucket was empty. Then nothing is owed: the bucket stays empty.
 */
export const levelOf = (
  { burst, refillMs }: Pick<Scope, "burst" | "refillMs">,
  timesMs: ReadonlyArray<number>,
  sinceMs: number,
  nowMs: number
): Level => {
  const capacityMs = burst * refillMs
  let filledMs = 0
  let atMs = sinceMs
  const pass = (untilMs: number): void => {
    filledMs = Math.min(capacityMs, filledMs + Math.max(0, untilMs - atMs))
    atMs = Math.max(atMs, untilMs)
  }
  for (const timeMs of [...timesMs].sort((left, right) => left - right)) {
    // The clock may have been set back since.
    pass(Math.min(timeMs, nowMs))
    filledMs = Math.max(0, filledMs - refillMs)
  }
  pass(nowMs)
  return { filledMs }
}

/** The place in the order of turns: the highest goes first. */
export const precedence = ({ backOff, severity, sinceMs }: Claimant, nowMs: number): number =>
  (Math.max(0, nowMs - sinceMs) - allowanceMs[severity]) / ageUnitMs - backOff

/** The order of turns: total, and the same whatever the order of the list. */
export const inTurn =
  (nowMs: number) =>
  (left: Claimant, right: Claimant): number =>
    precedence(right, nowMs) - precedence(left, nowMs)
    || left.sinceMs - right.sinceMs
    || (left.id < right.id ? -1 : left.id > right.id ? 1 : 0)

/** The tokens of a bucket that only a critical alert may take. */
const keptFor = (severity: Severity, { burst }: Scope): number => (severity === "critical" ? 0 : Math.floor(burst / 4))

interface Bucket {
  filledMs: number
  /** How many that go before this one take a token of it, now or later. */
  ahead: number
}

/** What is in a bucket that held a single token when our own view was last in doubt. */
const sinceDoubt = (each: Scope, timesMs: ReadonlyArray<number>, doubtedMs: number, nowMs: number): number => {
  const later = timesMs.filter((timeMs) => timeMs >= doubtedMs)
  return levelOf(each, later, doubtedMs - each.refillMs, nowMs).filledMs
}

/** From when an action counts. */
const countsFromMs = ({ at, unfinished }: SpentAction, nowMs: number): number =>
  unfinished === true ? Math.max(toMillis(at), Math.min(nowMs, toMillis(at) + writtenWithinMs)) : toMillis(at)

/** From when the actions count that took a token of a budget, for those budgets that are asked for. */
const timesOf = (spent: Spending["spent"], scopes: ReadonlyArray<Scope>, nowMs: number) => {
  const times: Record<Scope["kind"], Map<string, Array<number>>> = {
    target: new Map(),
    namespace: new Map(),
    pool: new Map(),
    cluster: new Map()
  }
  for (const { kind, whose } of scopes) times[kind].set(whose, [])
  for (const action of spent) {
    const atMs = countsFromMs(action, nowMs)
    for (const [kind, whose] of budgetsOf(action)) times[kind].get(whose)?.push(atMs)
  }
  return times
}

/** The buckets of some budgets, filled from the history. */
const bucketsOf = (
  scopes: ReadonlyArray<Scope>,
  { doubtedMs, sinceMs, spent }: Spending,
  nowMs: number
): Map<string, Bucket> => {
  const timesMs = timesOf(spent, scopes, nowMs)
  const buckets = new Map<string, Bucket>()
  for (const each of scopes)
    if (!buckets.has(each.key)) {
      const times = timesMs[each.kind].get(each.whose)!
      const { filledMs } = levelOf(each, times, sinceMs, nowMs)
      const mostMs =
        doubtedMs === undefined || each.kind !== "cluster" ? Infinity : sinceDoubt(each, times, doubtedMs, nowMs)
      buckets.set(each.key, { filledMs: Math.min(filledMs, mostMs), ahead: 0 })
    }
  return buckets
}

/**
 * Whether it is an action's turn, given those that wait. Everybody who goes before it and could start takes a token
 * first, whether or not it has started yet.
 */
export const turnOf = (
  me: Claimant,
  waiting: ReadonlyArray<Claimant>,
  spending: Spending,
  settings: GuardrailSettings,
  nowMs: number
): Turn => {
  const queue = [...waiting.filter(({ id }) => id !== me.id), me].sort(inTurn(nowMs))
  const claims = queue.map((claimant) => ({ claimant, scopes: scopesOf(claimant, settings) }))
  const buckets = bucketsOf(
    claims.flatMap(({ scopes }) => scopes),
    spending,
    nowMs
  )
  for (const { claimant, scopes } of claims) {
    const lacking = scopes.filter((each) => {
      const { filledMs } = buckets.get(each.key)!
      return filledMs < (1 + keptFor(claimant.severity, each)) * each.refillMs
    })
    if (claimant.id === me.id) {
      if (lacking.length === 0) return { _tag: "Granted" }
      const missingMs = lacking.map((each) => {
        const { ahead, filledMs } = buckets.get(each.key)!
        return (1 + keptFor(claimant.severity, each) + ahead) * each.refillMs - filledMs
      })
      return { _tag: "Wait", forMs: Math.max(1, ...missingMs), scopes: lacking }
    }
    for (const each of scopes) {
      const bucket = buckets.get(each.key)!
      if (lacking.length === 0) bucket.filledMs -= each.refillMs
      else bucket.ahead++
    }
  }
  return { _tag: "Granted" }
}

/** Whether an action may still start when its intent is written: others may have started some since its turn came. */
export const mayStart = (me: Claimant, spending: Spending, settings: GuardrailSettings, nowMs: number): boolean =>
  turnOf(me, [], spending, settings, nowMs)._tag === "Granted"

/** Why an action waits, for people. */
export const describe = (scopes: ReadonlyArray<Scope>): string =>
  scopes
    .map(
      ({ burst, name, refillMs }) =>
        `the budget of ${name} (${burst} at once, then one every ${Duration.format(Duration.millis(refillMs))})`
    )
    .join(" and ")
