/**
 * The turns of the actions: which of them start now, and which wait (`decision/BlastRadius`). It is exact even when
 * many targets are decided at the same time.
 *
 * An action counts from the moment of its decision: as a reservation until its intent is committed, and as a row of the
 * action history after that. Decisions are made one at a time; otherwise, in an alert storm, all targets would see the
 * same free budget. Other processes on the database do not see the reservation, so the transaction that commits the
 * intent looks at the budgets again if another process starts actions too (`Admission`).
 *
 * A waiting action holds nothing but its place in the order. Before it starts, the target is read and decided again.
 *
 * While our own view is in doubt, nobody's turn comes. After a doubt the budget of the cluster begins with a single
 * token, so that what has waited does not start all at once.
 */

import { Clock, Effect, Option, type Scope, Semaphore } from "effect"
import { type Claimant, describe, horizonMs, mayStart, type Spending, turnOf } from "../decision/BlastRadius.ts"
import type { OutOfTurn } from "../decision/Guardrails.ts"
import type { GuardrailSettings } from "../decision/GuardrailSettings.ts"
import type { Decision } from "../domain/Decision.ts"
import type { SpentAction } from "../domain/PastAction.ts"
import { clusterOf } from "../domain/Target.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { ActionHistory } from "../storage/ActionHistory.ts"
import { Doubts } from "../storage/Doubts.ts"
import type { Admission } from "../storage/RemediationStore.ts"
import type { StorageError } from "../storage/StorageError.ts"
import type { ClusterView } from "./ClusterView.ts"
import * as SinceSeen from "./SinceSeen.ts"

/** A decision, or how long to wait before it is made again. */
export type Attempt =
  | {
      readonly _tag: "Decided"
      readonly decision: Decision
      /** The condition on which an action may start that has taken its tokens. Absent: it needs none. */
      readonly admission?: Admission
    }
  | { readonly _tag: "Wait"; readonly forMs: number; readonly why: OutOfTurn; readonly needs: Needs }

/**
 * What a decision needs before its action starts: nothing, because it does not act or only reads; that our own view is
 * not in doubt, because a person has approved it; or also a token of each budget.
 */
export type Needs = "nothing" | "view" | "turn"

export interface AttemptOptions {
  readonly claimant: Claimant
  /** Whether the action may wait for its turn. Otherwise it is decided with the reason why its turn has not come. */
  readonly mayWait: boolean
  /** Why our own view is in doubt; `undefined` if it is not. */
  readonly doubt: string | undefined
  readonly needs: (decision: Decision) => Needs
  readonly choose: (why: OutOfTurn | undefined) => Decision
}

export interface Turns {
  /**
   * Decides. A decision to execute takes its tokens until the scope closes, for any reason. An action that waits keeps
   * its place in the order until the scope closes.
   */
  readonly attempt: (options: AttemptOptions) => Effect.Effect<Attempt, StorageError, Scope.Scope>
  /** How long a waiting action has to wait still. 0: it is its turn. */
  readonly waitMs: (claimant: Claimant, needs: Needs) => Effect.Effect<number, StorageError>
}

/** More actions than this in the time that counts are not read. The buckets are empty then in any case. */
const rowsRead = 2000

/** When to look again at a view that is in doubt. */
const lookAgainMs = 15_000

/** Those that have been decided and are not in the history yet, and those that wait. */
interface Known {
  readonly reserved: Set<Claimant>
  readonly waiting: Map<string, Claimant>
}

/** Reads the action history as a budget counts it. */
const makeBooks = Effect.fnUntraced(function* (settings: GuardrailSettings, { reserved }: Known) {
  const history = yield* ActionHistory
  const doubts = yield* Doubts
  const sinceSeen = SinceSeen.make<SpentAction>(({ target }) => target)
  const doubtSinceSeen = SinceSeen.make(() => "doubt")

  const doubtedMs = Effect.fnUntraced(function* (cluster: string, now: SinceSeen.Now) {
    const latest = yield* doubts.latest(cluster)
    const [doubt] = doubtSinceSeen(Option.isNone(latest) ? [] : [{ at: latest.value }], now)
    return doubt === undefined ? {} : { doubtedMs: Timestamp.toMillis(doubt.at) }
  })

  const spendingOf = (found: ReadonlyArray<SpentAction>, sinceMs: number, now: SinceSeen.Now) => {
    const spent = sinceSeen(found, now)
    const oldest = spent.length === rowsRead ? spent.at(-1) : undefined
    return { spent, sinceMs: oldest === undefined ? sinceMs : Math.min(now.nowMs, Timestamp.toMillis(oldest.at)) }
  }

  const spending = Effect.fnUntraced(function* (cluster: string, now: SinceSeen.Now) {
    const sinceMs = now.nowMs - horizonMs(settings)
    const found = yield* history.spentSince(cluster, Timestamp.fromMillis(sinceMs), rowsRead)
    const known = spendingOf(found, sinceMs, now)
    // An action starts when its intent is committed, so its token is not on its way back before that.
    const at = Timestamp.fromMillis(now.nowMs)
    return {
      ...known,
      spent: [...known.spent, ...[...reserved].map(({ pools, target }) => ({ target, pools, at }))],
      ...(yield* doubtedMs(cluster, now))
    } satisfies Spending
  })

  const admissionOf = Effect.fnUntraced(function* (claimant: Claimant) {
    const clock = yield* Clock.Clock
    const now = () => ({ nowMs: clock.currentTimeMillisUnsafe(), atMs: Monotonic.nowMsUnsafe(clock) })
    const cluster = clusterOf(claimant.target)
    const sinceMs = now().nowMs - horizonMs(settings)
    const doubted = yield* doubtedMs(cluster, now())
    return {
      cluster,
      since: Timestamp.fromMillis(sinceMs),
      limit: rowsRead,
      admits: (found) => {
        const then = now()
        return mayStart(claimant, { ...spendingOf(found, sinceMs, then), ...doubted }, settings, then.nowMs)
      }
    } satisfies Admission
  })

  return { spending, admissionOf }
})

/** Finds out why it is not an action's turn, and for how long it waits; `undefined` if it is. */
const makeHoldUp = (
  settings: GuardrailSettings,
  { waiting }: Known,
  { spending }: Effect.Success<ReturnType<typeof makeBooks>>
) =>
  Effect.fnUntraced(function* (claimant: Claimant, needs: Needs, doubt: string | undefined) {
    if (needs === "nothing") return undefined
    if (doubt !== undefined) return { forMs: lookAgainMs, why: { rule: "own-view-in-doubt", because: doubt } as const }
    if (needs === "view") return undefined
    const now = { nowMs: yield* Clock.currentTimeMillis, atMs: yield* Monotonic.nowMs }
    const spent = yield* spending(clusterOf(claimant.target), now)
    const found = turnOf(claimant, [...waiting.values()], spent, settings, now.nowMs)
    return found._tag === "Granted"
      ? undefined
      : { forMs: found.forMs, why: { rule: "blast-radius", because: `${describe(found.scopes)} is used up.` } as const }
  })

export const make = Effect.fnUntraced(function* (settings: GuardrailSettings, view: ClusterView) {
  const oneAtATime = yield* Semaphore.make(1)
  const reserved = new Set<Claimant>()
  const waiting = new Map<string, Claimant>()
  const books = yield* makeBooks(settings, { reserved, waiting })
  const holdUp = makeHoldUp(settings, { reserved, waiting }, books)

  /** Adds to a collection until the scope closes. */
  const held = (add: () => void, remove: () => void) =>
    Effect.acquireRelease(Effect.sync(add), () => Effect.sync(remove))

  const reserve = (claimant: Claimant) =>
    held(
      () => void reserved.add(claimant),
      () => void reserved.delete(claimant)
    )

  const queue = (claimant: Claimant) =>
    held(
      () => void waiting.set(claimant.id, claimant),
      () => void waiting.delete(claimant.id)
    )

  const attempt = Effect.fnUntraced(function* ({ choose, claimant, doubt, mayWait, needs }: AttemptOptions) {
    const decision = choose(undefined)
    const needed = needs(decision)
    const held = yield* holdUp(claimant, needed, doubt)
    if (held !== undefined) {
      // A person who has approved the action is there to be asked.
      if (!mayWait || needed === "view") return { _tag: "Decided", decision: choose(held.why) } satisfies Attempt
      // What waits may have become more urgent.
      if (waiting.has(claimant.id)) waiting.set(claimant.id, claimant)
      else yield* queue(claimant)
      return { _tag: "Wait", ...held, needs: needed } satisfies Attempt
    }
    waiting.delete(claimant.id)
    if (decision.outcome === "execute") yield* reserve(claimant)
    const admission = needed === "turn" ? yield* books.admissionOf(claimant) : undefined
    return { _tag: "Decided", decision, ...(admission === undefined ? {} : { admission }) } satisfies Attempt
  })

  return {
    attempt: (options) => oneAtATime.withPermit(attempt(options)),
    waitMs: Effect.fnUntraced(function* (claimant, needs) {
      const { doubt } = yield* view.look(clusterOf(claimant.target))
      const held = yield* oneAtATime.withPermit(holdUp(claimant, needs, doubt))
      return held?.forMs ?? 0
    })
  } satisfies Turns
})
