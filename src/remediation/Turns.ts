/**
 * The turns of the actions: which of them start now, and which wait (`decision/BlastRadius`). It is exact even when
 * many targets are decided at the same time.
 *
 * An action counts from the moment of its decision: as a reservation until its intent is committed, and as a row of the
 * action history after that. Decisions are made one at a time; otherwise, in an alert storm, all targets would see the
 * same free budget.
 *
 * A waiting action holds nothing but its place in the order. Before it starts, the target is read and decided again.
 */

import { Clock, Effect, type Scope, Semaphore } from "effect"
import { type Claimant, describe, horizonMs, type Spending, type Turn, turnOf } from "../decision/BlastRadius.ts"
import type { GuardrailSettings } from "../decision/GuardrailSettings.ts"
import type { Decision } from "../domain/Decision.ts"
import { clusterOf } from "../domain/Target.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import { ActionHistory } from "../storage/ActionHistory.ts"
import type { StorageError } from "../storage/StorageError.ts"

/** A decision, or how long to wait before it is made again. */
export type Attempt =
  | { readonly _tag: "Decided"; readonly decision: Decision }
  | { readonly _tag: "Wait"; readonly forMs: number; readonly reason: string }

export interface AttemptOptions {
  readonly claimant: Claimant
  /** Whether the action may wait for its turn. Otherwise it is decided with the reason why its turn has not come. */
  readonly mayWait: boolean
  /** Whether this decision needs a turn: it is to act, to write, and without an approval. */
  readonly needsTurn: (decision: Decision) => boolean
  readonly choose: (outOfTurn: string | undefined) => Decision
}

export interface Turns {
  /**
   * Decides. A decision to execute takes its tokens until the scope closes, for any reason. An action that waits keeps
   * its place in the order until the scope closes.
   */
  readonly attempt: (options: AttemptOptions) => Effect.Effect<Attempt, StorageError, Scope.Scope>
  /** How long a waiting action has to wait still. 0: it is its turn. */
  readonly waitMs: (claimant: Claimant) => Effect.Effect<number, StorageError>
}

/** More actions than this in the time that counts are not read. The buckets are empty then in any case. */
const rowsRead = 2000

export const make = Effect.fnUntraced(function* (settings: GuardrailSettings) {
  const history = yield* ActionHistory
  const oneAtATime = yield* Semaphore.make(1)
  const reserved = new Set<Claimant>()
  const waiting = new Map<string, Claimant>()

  const spending = Effect.fnUntraced(function* (cluster: string, nowMs: number) {
    const sinceMs = nowMs - horizonMs(settings)
    const rows = yield* history.spentSince(cluster, Timestamp.fromMillis(sinceMs), rowsRead)
    const oldest = rows.length === rowsRead ? rows.at(-1) : undefined
    return {
      // It starts when its intent is committed, so its token is not on its way back before that.
      spent: [
        ...rows,
        ...[...reserved].map(({ pools, target }) => ({ target, pools, at: Timestamp.fromMillis(nowMs) }))
      ],
      sinceMs: oldest === undefined ? sinceMs : Math.min(nowMs, Timestamp.toMillis(oldest.at))
    } satisfies Spending
  })

  const turn = Effect.fnUntraced(function* (claimant: Claimant): Effect.fn.Return<Turn, StorageError> {
    const nowMs = yield* Clock.currentTimeMillis
    const spent = yield* spending(clusterOf(claimant.target), nowMs)
    return turnOf(claimant, [...waiting.values()], spent, settings, nowMs)
  })

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

  const attempt = Effect.fnUntraced(function* ({ choose, claimant, mayWait, needsTurn }: AttemptOptions) {
    const decision = choose(undefined)
    const decided = (decision: Decision): Attempt => ({ _tag: "Decided", decision })
    if (needsTurn(decision)) {
      const found = yield* turn(claimant)
      if (found._tag === "Wait") {
        const reason = `${describe(found.scopes)} is used up`
        if (!mayWait) return decided(choose(reason))
        if (!waiting.has(claimant.id)) yield* queue(claimant)
        return { _tag: "Wait", forMs: found.forMs, reason } satisfies Attempt
      }
      waiting.delete(claimant.id)
    }
    if (decision.outcome === "execute") yield* reserve(claimant)
    return decided(decision)
  })

  return {
    attempt: (options) => oneAtATime.withPermit(attempt(options)),
    waitMs: (claimant) =>
      Effect.map(oneAtATime.withPermit(turn(claimant)), (found) => (found._tag === "Granted" ? 0 : found.forMs))
  } satisfies Turns
})
