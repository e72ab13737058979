/**
 * Decides once it is the turn of the action (`Turns`). While it waits, the target may change and the alert may resolve,
 * so everything is read and decided again when its turn has come. Other targets are worked on meanwhile (`Aside`).
 */

import { Duration, Effect, Equal, Option, type Scope } from "effect"
import type { Claimant } from "../decision/BlastRadius.ts"
import { waitInForce } from "../decision/BlastRadiusSettings.ts"
import { decide, type DecisionInput } from "../decision/Decider.ts"
import type { GuardrailSettings } from "../decision/GuardrailSettings.ts"
import { recentlyIneffective } from "../decision/Ineffective.ts"
import { isReadOnly } from "../domain/Action.ts"
import type { Severity } from "../domain/Alert.ts"
import type { Decision } from "../domain/Decision.ts"
import { placesOf, poolsOf } from "../domain/Places.ts"
import type { Remediation } from "../domain/Remediation.ts"
import { targetKey } from "../domain/Target.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { type Admission, RemediationStore } from "../storage/RemediationStore.ts"
import type { StorageError } from "../storage/StorageError.ts"
import { aside } from "./Aside.ts"
import type { ClusterView } from "./ClusterView.ts"
import * as Turns from "./Turns.ts"

/** The remediation's alert has resolved while its action waited for its turn. */
interface Resolved {
  readonly resolved: Remediation
}

/** A decision with everything that it depends on. */
interface Made {
  readonly decision: Decision
  readonly admission?: Admission
  readonly input: DecisionInput
}

/** Reads everything that a decision depends on, and whether our own view is in doubt. */
export type InputOf = (
  self: Remediation
) => Effect.Effect<{ readonly input: DecisionInput; readonly doubt: string | undefined }, StorageError>

export const make = Effect.fnUntraced(function* (guardrails: GuardrailSettings, view: ClusterView, inputOf: InputOf) {
  const turns = yield* Turns.make(guardrails, view)
  const severityOf = yield* makeSeverityOf
  const awaitTurn = yield* makeAwaitTurn(turns, severityOf)
  const longestMs = Duration.toMillis(waitInForce(guardrails))

  /** Makes the decision before a plan, once it is the action's turn. */
  const inTurn = Effect.fn("decide")(function* (self: Remediation) {
    const startedMs = yield* Monotonic.nowMs
    while (true) {
      const { doubt, input } = yield* inputOf(self)
      const claimant = claimantOf(self, yield* severityOf(self), input)
      const leftMs = startedMs + longestMs - (yield* Monotonic.nowMs)
      let made: DecisionInput = input
      const attempt = yield* turns.attempt({
        claimant,
        mayWait: leftMs > 0,
        doubt,
        needs: (decision) => needsOf(input, decision),
        choose: (why) => {
          if (why !== undefined) made = { ...input, outOfTurn: why }
          return decide(made)
        }
      })
      if (attempt._tag === "Decided") {
        const { admission, decision } = attempt
        yield* Effect.annotateCurrentSpan({
          "kubernaut.decision.outcome": decision.outcome,
          "kubernaut.action.type": decision.action.type,
          "kubernaut.level": input.level
        })
        return { decision, input: made, ...(admission === undefined ? {} : { admission }) } satisfies Made
      }
      yield* Effect.logInfo("The action waits for its turn", attempt.why)
      const resolved = yield* aside(awaitTurn(self, claimant, attempt, leftMs))
      if (resolved !== undefined) return { resolved } satisfies Resolved
    }
  })

  /** Takes a turn for a decision to act that has none. It does not wait: without a turn, a person is asked. */
  const take = Effect.fnUntraced(function* (
    self: Remediation,
    input: DecisionInput
  ): Effect.fn.Return<Pick<Made, "decision" | "admission">, StorageError, Scope.Scope> {
    const { doubt } = yield* view.look(self.target.cluster)
    const attempt = yield* turns.attempt({
      claimant: claimantOf(self, yield* severityOf(self), input),
      mayWait: false,
      doubt,
      needs: (decision) => needsOf(input, decision),
      choose: (why) => decide(why === undefined ? input : { ...input, outOfTurn: why })
    })
    return attempt._tag === "Decided" ? attempt : { decision: decide(input) }
  })

  return { decide: inTurn, take }
})

/** A person who has approved an action paces it, and may have approved it in spite of a doubt. */
const needsOf = ({ approval }: DecisionInput, { action, outcome }: Decision): Turns.Needs => {
  if (outcome !== "execute" || isReadOnly(action)) return "nothing"
  // What the person was asked about may have passed, so that nothing asks any more.
  if (!Equal.equals(approval?.action, action)) return "turn"
  return approval?.findings.some(({ rule }) => rule === "own-view-in-doubt") === true ? "nothing" : "view"
}

/**
 * The severity of a remediation: of its alert, or of a more severe one that has joined it. Only a critical one is more
 * severe than an alert that is acted on.
 */
const makeSeverityOf = Effect.map(
  RemediationStore,
  (store) =>
    ({ alert: { severity }, id }: Remediation): Effect.Effect<Severity, StorageError> =>
      severity === "critical"
        ? Effect.succeed(severity)
        : Effect.map(store.lastFiring(id), (found) =>
            Option.isSome(found) && found.value.graverJoined === true ? "critical" : severity
          )
)

const claimantOf = (
  self: Remediation,
  severity: Severity,
  { guardrails, history, nodePlaces, nowMs, observed }: DecisionInput
): Claimant => {
  const { kind } = self.target
  const pools = observed === null ? [] : poolsOf(kind, placesOf(observed, nodePlaces).pools)
  const poolSize = [...(nodePlaces?.values() ?? [])].filter(({ pool }) => pools.includes(pool)).length
  return {
    id: self.id,
    target: targetKey(self.target),
    severity,
    sinceMs: Timestamp.toMillis(self.receivedAt),
    backOff: recentlyIneffective(history, guardrails, nowMs),
    pools,
    ...(kind === "Node" && poolSize > 0 ? { poolSize } : {})
  }
}

type Waiting = Extract<Turns.Attempt, { _tag: "Wait" }>

/** The longest pause between two looks at the turns and at the alert. */
const longestPauseMs = 15_000

/**
 * Waits until it is the action's turn, it has become more urgent, or the time is up. Returns the remediation if its
 * alert has resolved.
 */
const makeAwaitTurn = Effect.fnUntraced(function* (
  turns: Turns.Turns,
  severityOf: Effect.Success<typeof makeSeverityOf>
) {
  const store = yield* RemediationStore
  return Effect.fnUntraced(function* (
    self: Remediation,
    claimant: Claimant,
    { forMs: firstMs, needs }: Waiting,
    leftMs: number
  ) {
    const untilMs = (yield* Monotonic.nowMs) + leftMs
    let forMs = firstMs
    while (forMs > 0) {
      const remainingMs = untilMs - (yield* Monotonic.nowMs)
      if (remainingMs <= 0) return undefined
      yield* Effect.sleep(Math.min(Math.max(1000, forMs), longestPauseMs, remainingMs))
      const now = Option.getOrUndefined(yield* store.get(self.id))
      if (now?.alertResolvedAt !== undefined && self.alertResolvedAt === undefined) return now
      if ((yield* severityOf(self)) !== claimant.severity) return undefined
      forMs = yield* turns.waitMs(claimant, needs)
    }
    return undefined
  })
})
