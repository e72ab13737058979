/**
 * The budget of actions per window. It is exact even when many targets are decided at the same time.
 *
 * An action counts from the moment of its decision: as a reservation until its intent is committed, and as a row of the
 * action history after that. Decisions are made one at a time; otherwise, in an alert storm, all targets would see the
 * same free budget.
 */

import { Duration, Effect, type Scope, Semaphore } from "effect"
import type { GuardrailSettings } from "../decision/GuardrailSettings.ts"
import type { Decision } from "../domain/Decision.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import { ActionHistory } from "../storage/ActionHistory.ts"
import type { StorageError } from "../storage/StorageError.ts"

export interface ActionBudget {
  /**
   * Decides, given how many actions count in the window that ends at `nowMs`. A decision to execute reserves one action
   * until the scope closes, for any reason.
   */
  readonly decide: (
    cluster: string,
    nowMs: number,
    choose: (actionsInWindow: number) => Decision
  ) => Effect.Effect<Decision, StorageError, Scope.Scope>
}

export const make = Effect.fnUntraced(function* ({ limit, window }: GuardrailSettings["actionsPerWindow"]) {
  const history = yield* ActionHistory
  const oneAtATime = yield* Semaphore.make(1)
  let reserved = 0

  const reserve = Effect.acquireRelease(
    Effect.sync(() => {
      reserved++
    }),
    () =>
      Effect.sync(() => {
        reserved--
      })
  )

  const decide: ActionBudget["decide"] = (cluster, nowMs, choose) =>
    oneAtATime.withPermit(
      Effect.gen(function* () {
        const since = Timestamp.fromMillis(nowMs - Duration.toMillis(window))
        const decision = choose(reserved + (yield* history.countSince(cluster, since, limit)))
        if (decision.outcome === "execute") yield* reserve
        return decision
      })
    )

  return { decide } satisfies ActionBudget
})
