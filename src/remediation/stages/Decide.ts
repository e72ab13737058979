/**
 * Decides what to do about an investigated alert. When the decision is to act or to ask a person, the action is planned
 * before the final decision. The decision and the intent are committed together, before the first write to the
 * cluster.
 */

import { Clock, Effect, Equal, Option, Result } from "effect"
import { alternativesTo } from "../../decision/Alternatives.ts"
import { decide, type DecisionInput, monitorOnly } from "../../decision/Decider.ts"
import type { GuardrailSettings } from "../../decision/GuardrailSettings.ts"
import { isReadOnly } from "../../domain/Action.ts"
import { isMonitorOnly } from "../../domain/Alert.ts"
import type { Decision } from "../../domain/Decision.ts"
import type { Intent } from "../../domain/Execution.ts"
import type { FailureRecord } from "../../domain/Failure.ts"
import type { Mode } from "../../domain/Mode.ts"
import type { PastAction } from "../../domain/PastAction.ts"
import { placesOf } from "../../domain/Places.ts"
import type { Remediation, RemediationEvent } from "../../domain/Remediation.ts"
import { isExpired } from "../../domain/Review.ts"
import { isUndone } from "../../domain/Rollback.ts"
import type { Room } from "../../domain/Room.ts"
import { sameRef, targetKey } from "../../domain/Target.ts"
import type { WorkloadState } from "../../domain/WorkloadState.ts"
import { writesOf } from "../../domain/Writes.ts"
import { type Draft, Executor } from "../../execution/Executor.ts"
import { classify, recordOf } from "../../execution/FailureClassifier.ts"
import { permitted } from "../../execution/Permitted.ts"
import type { PlanRefused } from "../../execution/TriedPlan.ts"
import { Degradation } from "../../health/Degradation.ts"
import * as AccessCheck from "../../kubernetes/AccessCheck.ts"
import { KubernetesClient, type KubernetesError } from "../../kubernetes/KubernetesClient.ts"
import { pauseOf } from "../../kubernetes/NotNow.ts"
import * as Monotonic from "../../resilience/Monotonic.ts"
import * as Patience from "../../resilience/pipeline/Patience.ts"
import { ActionHistory } from "../../storage/ActionHistory.ts"
import { type Admission, type Claim, RemediationStore } from "../../storage/RemediationStore.ts"
import { StandingOrders } from "../../storage/StandingOrders.ts"
import type { StorageError } from "../../storage/StorageError.ts"
import * as ClusterView from "../ClusterView.ts"
import * as DecideInTurn from "../DecideInTurn.ts"
import type { Journal } from "../Journal.ts"
import * as ReviewTimes from "../ReviewTimes.ts"
import * as SinceSeen from "../SinceSeen.ts"
import type { Observe } from "./Observe.ts"

export interface DecideOptions extends Pick<ReviewTimes.ReviewTimes, "reviewTimeout"> {
  readonly mode: Mode
  readonly guardrails: GuardrailSettings
}

type Decided = Extract<RemediationEvent, { _tag: "Decided" }>

/** After a longer wait for the cluster, a decision checks whether the alert has resolved meanwhile. */
const longWaitMs = 1000

/** The number of earlier actions on the target that the guardrails receive: those that they count, among others. */
const historyLength = ({ giveUp, ineffectiveLimit }: GuardrailSettings): number =>
  Math.max(20, 4 * giveUp.tries, 4 * ineffectiveLimit)

export const make = Effect.fnUntraced(function* (options: DecideOptions, journal: Journal, observe: Observe) {
  const degradation = yield* Degradation
  const executor = yield* Executor
  const { reviewTimeout = ReviewTimes.defaults.reviewTimeout } = options
  const view = yield* ClusterView.make(options.guardrails)
  const inTurn = yield* DecideInTurn.make(options.guardrails, view, yield* makeInputOf(options, observe, view))
  const draft = yield* makeDraft
  const alternative = makeAlternative(draft)
  const resolvedSince = yield* makeResolvedSince
  const whyUnobserved = yield* makeWhyUnobserved

  const decideAndPlan = Effect.fnUntraced(function* (claim: Claim, self: Remediation) {
    if (isMonitorOnly(self.alert.severity)) {
      const { level } = yield* degradation.current
      return yield* journal(claim, self, [{ _tag: "Decided", level, decision: monitorOnly(self), observed: null }])
    }
    const startedMs = yield* Monotonic.nowMs
    const made = yield* inTurn.decide(self)
    if ("resolved" in made) return made.resolved
    const { admission, decision, input } = made
    const { level, observed } = input
    const answerBy = ReviewTimes.endOf(input.nowMs, reviewTimeout)
    const decided = (decision: Decision): Decided => ({
      _tag: "Decided",
      level,
      decision,
      observed,
      ...(decision.outcome === "review" && answerBy !== undefined ? { answerBy } : {})
    })
    const write = (events: ReadonlyArray<RemediationEvent>, admission?: Admission) =>
      journal(claim, self, [...expiryOf(input), ...events], admission)
    if (decision.outcome !== "execute" && decision.outcome !== "review")
      return yield* write([decided(yield* whyUnobserved(decision, input))])
    // An action that asks is planned too, so that the person sees what it changes and what the plan objects to.
    const drafted = yield* Effect.result(draft(claim, self, decision, observed))
    let intended = false
    // A plan that is not carried out keeps no node from the plans of others.
    yield* Effect.addFinalizer(() =>
      Result.isSuccess(drafted) && !intended ? executor.abandon(drafted.success.intent.executionId) : Effect.void
    )
    const resolved = yield* resolvedSince(self, startedMs)
    if (resolved !== undefined) return resolved
    const first = Result.isFailure(drafted)
      ? { decision: withoutPlan(input, decision, drafted.failure) }
      : withPlan(input, drafted.success)
    const { decision: last, intent, on } = (yield* alternative(claim, self, input, first, roomIn(drafted))) ?? first
    // An alternative may run where the action itself would have asked. It has no turn yet.
    const bolder = last.outcome === "execute" && decision.outcome !== "execute" && on !== undefined
    const taken = bolder ? yield* inTurn.take(self, on) : { decision: last, admission }
    const final = notAgain(self, taken.decision)
    const events: ReadonlyArray<RemediationEvent> =
      final.outcome === "execute" && intent !== undefined
        ? [decided(final), { _tag: "Intended", intent }]
        : [decided(final)]
    const after = yield* write(events, taken.admission)
    // Nothing is written if the alert has resolved, or another process has taken the tokens. Then it is decided again.
    intended = after.executions.length > self.executions.length
    return after
  })

  // The scope holds the budget's reservation until the commit.
  return (claim: Claim, self: Remediation) => Effect.scoped(decideAndPlan(claim, self))
})

/** An action that was refused after it was written, and undone, is not carried out again. */
const notAgain = ({ executions, rollback }: Remediation, decision: Decision): Decision => {
  const { action, outcome } = decision
  const isUndoneHere = executions.some((each) => isUndone(rollback, each) && Equal.equals(each.intent.action, action))
  if (!isUndoneHere || (outcome !== "execute" && outcome !== "review")) return decision
  const message = `${action.type} was refused after it was written, and no alternative to it is known.`
  return { ...decision, outcome: "escalate", reasons: [{ rule: "no-alternative", message }] }
}

/** What was refused after it was written, and was undone, has not run: an alternative needs no cooldown. */
const withoutUndone = (self: Remediation, past: ReadonlyArray<PastAction>): ReadonlyArray<PastAction> =>
  past.map((each) =>
    each.remediationId === self.id && each.rolledBackAt !== undefined ? { ...each, applied: "no" } : each
  )

/** An approval that has expired covers nothing. */
const approvalAt = ({ approval }: Remediation, nowMs: number): Pick<DecisionInput, "approval" | "expired"> => {
  if (approval === undefined) return {}
  return isExpired(approval, nowMs) ? { expired: approval } : { approval }
}

/** What is journaled before a decision without the approval. */
const expiryOf = ({ expired }: DecisionInput): ReadonlyArray<RemediationEvent> =>
  expired?.expiresAt === undefined ? [] : [{ _tag: "ApprovalExpired", by: expired.by, expiredAt: expired.expiresAt }]

/**
 * The earlier actions on the target, and on the object of the proposed action: two alerts about different workloads may
 * have one cause, and what was taken back for one of them is not taken back again for the other.
 */
const makePastOf =
  ({ ofObject, ofTarget }: ActionHistory["Service"]) =>
  ({ investigation, target }: Remediation, rows: number): Effect.Effect<ReadonlyArray<PastAction>, StorageError> => {
    const own = ofTarget(targetKey(target), rows)
    const object = investigation && { cluster: target.cluster, ...investigation.action.target }
    if (object === undefined || sameRef(object, target)) return own
    return Effect.map(Effect.all([own, ofObject(targetKey(object), rows)]), ([mine, others]) => {
      const known = new Set(mine.map(({ at, remediationId }) => `${at} ${remediationId}`))
      const more = others.filter(({ at, remediationId }) => !known.has(`${at} ${remediationId}`))
      return [...mine, ...more]
        .sort((left, right) => (left.at < right.at ? 1 : left.at > right.at ? -1 : 0))
        .slice(0, rows)
    })
  }

/** Reads everything that a decision depends on. */
const makeInputOf = Effect.fnUntraced(function* (
  options: DecideOptions,
  observe: Observe,
  view: ClusterView.ClusterView
) {
  const history = yield* ActionHistory
  const degradation = yield* Degradation
  const orders = yield* StandingOrders
  const rows = historyLength(options.guardrails)
  const pastOf = makePastOf(history)
  const sinceSeen = SinceSeen.make<PastAction>(({ action, remediationId }) => `${action} ${remediationId}`)

  return Effect.fnUntraced(function* (self: Remediation) {
    // First, because it may wait for the cluster.
    const observed = yield* observe(self)
    const { doubt, ended, places } = yield* view.look(self.target.cluster)
    const past = yield* pastOf(self, rows)
    const nowMs = yield* Clock.currentTimeMillis
    const atMs = yield* Monotonic.nowMs
    const { level } = yield* degradation.current
    const input: DecisionInput = {
      alert: self.alert,
      target: self.target,
      investigation: self.investigation,
      ...(self.suspects === undefined ? {} : { suspects: self.suspects }),
      level,
      mode: options.mode,
      observed,
      history: withoutUndone(self, sinceSeen(past, { nowMs, atMs })),
      ended,
      ...(places === undefined ? {} : { nodePlaces: places }),
      guardrails: options.guardrails,
      answer:
        self.investigatedAt === undefined
          ? undefined
          : { seen: self.seen, at: self.investigatedAt, round: self.investigations },
      ...(self.review === undefined ? {} : { review: self.review }),
      ...approvalAt(self, nowMs),
      questions: self.questions,
      emergencyStop: Option.isSome(yield* orders.current("emergency-stop")),
      nowMs
    }
    return { input, doubt }
  })
})

/** Names the rights without which the target of an action could not be read, if that is the cause. */
const makeWhyUnobserved = Effect.map(KubernetesClient, (client) => {
  const access = AccessCheck.make(client)
  return Effect.fnUntraced(function* (decision: Decision, { observed, target }: DecisionInput) {
    if (observed !== null || decision.outcome !== "escalate" || isReadOnly(decision.action)) return decision
    const denied = yield* Effect.orElseSucceed(permitted(access, decision.action, target), () => undefined)
    if (denied === undefined) return decision
    const { message, rule } = denied
    return { ...decision, reasons: [{ rule, message }, ...decision.reasons] }
  })
})

/** The remediation, if its alert has resolved while the decision waited for the cluster. */
const makeResolvedSince = Effect.map(RemediationStore, (store) =>
  Effect.fnUntraced(function* (self: Remediation, startedMs: number) {
    if ((yield* Monotonic.nowMs) - startedMs <= longWaitMs) return undefined
    const now = yield* store.get(self.id)
    return Option.isSome(now) && now.value.alertResolvedAt !== undefined ? now.value : undefined
  })
)

/** Plans the action of a decision. Nothing is journaled yet. */
const makeDraft = Effect.map(Executor, (executor) =>
  Effect.fn("plan")((claim: Claim, self: Remediation, decision: Decision, observed: WorkloadState | null) =>
    // An API server that does not respond for a moment is no reason against the plan.
    Patience.retry(
      executor.draft({
        action: decision.action,
        reserve: decision.outcome === "execute",
        target: self.target,
        remediationId: self.id,
        // The id is the same before and after a crash, so that read-back recognizes a write from before the crash.
        executionId: `${self.id}-${self.executions.length + 1}`,
        epoch: claim.epoch,
        seen: self.seen,
        decidedOn: observed,
        baseline: observed
      }),
      (error, earlier) => (error._tag === "KubernetesError" ? pauseOf(error, earlier) : undefined)
    )
  )
)

/** A decision, and what it is based on and the intent if it was planned. */
interface Planned {
  readonly decision: Decision
  readonly intent?: Intent
  readonly on?: DecisionInput
}

type Draw = Effect.Success<typeof makeDraft>

const withPlan = (input: DecisionInput, { asks, figures, intent }: Draft): Planned => {
  const { nodePlaces, observed } = input
  const placed = observed === null ? intent : { ...intent, places: placesOf(observed, nodePlaces) }
  const fields = writesOf(intent)?.fields ?? []
  const on = { ...input, plan: { asks, figures, writes: intent.changes.length > 0, fields } }
  return { decision: decide(on), intent: placed, on }
}

/** How much of the action would fit, if not all of it does. */
const roomIn = (drafted: Result.Result<Draft, PlanRefused | KubernetesError>): Room | undefined => {
  if (Result.isSuccess(drafted)) return drafted.success.room
  return drafted.failure._tag === "PlanRefused" ? drafted.failure.room : undefined
}

/**
 * Plans the alternatives to an action that does not fit, each once, until one fits and no guardrail blocks it. A person
 * who has approved the action itself has the last word.
 */
const makeAlternative = (draft: Draw) =>
  Effect.fnUntraced(function* (
    claim: Claim,
    self: Remediation,
    input: DecisionInput,
    { decision }: Planned,
    room: Room | undefined
  ): Effect.fn.Return<Planned | undefined> {
    if (room === undefined || decision.outcome === "execute") return undefined
    const tried = self.executions.map(({ intent }) => intent.action)
    for (const alternative of alternativesTo(decision.action, room, tried)) {
      const instead = { ...input, alternative }
      const before = decide(instead)
      if (before.outcome !== "execute" && before.outcome !== "review") continue
      const drafted = yield* Effect.result(draft(claim, self, before, input.observed))
      if (Result.isSuccess(drafted) && drafted.success.room === undefined) return withPlan(instead, drafted.success)
    }
    return undefined
  })

/**
 * The decision about an action that could not be planned. Nothing is executed. A person is asked without a plan if the
 * cluster did not respond; an action that is refused will be refused after an approval too.
 */
const withoutPlan = (input: DecisionInput, decision: Decision, failure: PlanRefused | KubernetesError): Decision => {
  if (failure._tag === "PlanRefused" && failure.rule === "changed-since-investigation")
    return decide({ ...input, changed: failure.message })
  if (failure._tag === "PlanRefused") {
    const { message, rule } = failure
    const record = failure.failure ?? (isRight(rule) ? { code: "forbidden", category: "policy" as const } : undefined)
    return {
      ...decision,
      outcome: "escalate",
      reasons: [{ rule, message: explainedBy(message, record, failure.room) }],
      ...(record === undefined ? {} : { failure: record })
    }
  }
  const failed = classify(failure)
  const { message, remedy } = failed
  const reason = { rule: "plan-failed", message: remedy === undefined ? message : `${message} ${remedy}` }
  return decision.outcome === "review" && mayRespondLater(failure)
    ? decide({ ...input, plan: { asks: [reason], writes: true } })
    : { ...decision, outcome: "escalate", reasons: [reason], failure: recordOf(failed) }
}

/** Whether a plan was refused because a right is missing. */
const isRight = (rule: PlanRefused["rule"]): boolean => rule === "not-permitted" || rule === "cannot-verify"

/** The message, the figures of what has no room, and what would allow the action. */
const explainedBy = (message: string, record: FailureRecord | undefined, room: Room | undefined): string =>
  [
    message,
    ...(room?.shortages ?? []).map(
      ({ hard, quota, requested, resource, used }) =>
        `Quota ${quota}, ${resource}: requested ${requested}, used ${used} of ${hard}.`
    ),
    ...(record?.remedy === undefined ? [] : [record.remedy])
  ].join(" ")

const mayRespondLater = ({ reason: { _tag } }: KubernetesError): boolean =>
  _tag === "NotNow" || _tag === "Unavailable" || _tag === "Timeout" || _tag === "TooManyRequests" || _tag === "Conflict"
