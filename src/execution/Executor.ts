/**
 * Carries actions out on the cluster.
 *
 * **Details**
 *
 * `plan` reads, plans with the inverse, captures the baseline and has the server run every write dry. It changes
 * nothing. Its `Intent` is made durable by the caller, and only then given to `execute`:
 *
 *     for each change of the intent, in order
 *       read back ── there already ─────────────> next change   (an earlier run wrote it before a crash)
 *           │ ├───── changed by somebody ───────> `conflict`    (the write could no longer take effect)
 *           │ ├───── gone ──────────────────────> `conflict`    (applied: unknown if an earlier write may have arrived)
 *           │ └───── not readable ──────────────> applied: unknown
 *       intent too old? ── yes ─────────────────> `stale`
 *       fence holds? ── no ─────────────────────> `fenced`
 *       write ── done ──────────────────────────> next change
 *           ├───── refused ─────────────────────> its failure
 *           ├───── disruption budget ── wait ──── read back …   up to a deadline
 *           └───── no response ── wait ────────── read back …   up to a number of attempts, then applied: unknown
 *
 * Every write is conditional, on a resourceVersion or a uid, so a repeated one takes effect once only, whoever repeats
 * it: this loop, the pipeline beneath, or another process after a crash. A journaled intent is therefore always true:
 * what it says is written as it says, or not at all.
 *
 * **Gotchas**
 *
 * A failure after an earlier change went through (a drain that got stuck) says `applied: "yes"` together with its
 * failure.
 *
 * Of `CollectDiagnostics` the outcome's message is what was collected, and it is never `applied`.
 */

import { Clock, Context, Duration, Effect, Layer, Schema } from "effect"
import type { Action } from "../domain/Action.ts"
import type { Change } from "../domain/Change.ts"
import type { Applied, ExecutionOutcome, Intent } from "../domain/Execution.ts"
import { resourceRef, type Target } from "../domain/Target.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import { KubernetesClient, type KubernetesError } from "../kubernetes/KubernetesClient.ts"
import { readWorkload } from "../kubernetes/WorkloadReader.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { find, readObjects } from "./ActionObjects.ts"
import { plan as planAction } from "./ActionPlan.ts"
import { collect } from "./Diagnostics.ts"
import { classify, type Failure, fenced, otherMode, stale } from "./FailureClassifier.ts"
import { type PlanContext, RefusalRule } from "./Plan.ts"
import { presenceOf } from "./Presence.ts"

/** The action can't, or must not, be carried out on the objects as they are. Nothing was written. */
export class PlanRefused extends Schema.TaggedError<PlanRefused>()("PlanRefused", {
  rule: RefusalRule,
  message: Schema.String,
  /** It goes through once a person has approved the action. */
  approvable: Schema.Boolean
}) {}

export interface PlanInput {
  readonly action: Action
  readonly target: Target
  readonly remediationId: string
  /** Unique per attempt to act; the same before and after a crash. */
  readonly executionId: string
  /** Of the activation of the target's actor that acts. */
  readonly epoch: number
  /** A person has approved the action. Default false. */
  readonly approved?: boolean
  /** What the proposal was made about: an undo of a rollout is refused where another rollout has happened since. */
  readonly decidedOn?: WorkloadState | null
  /**
   * The target as it was read a moment ago, which spares up to six requests. Absent or `null`: it is read, as it is for
   * a plan that is made anew.
   */
  readonly baseline?: WorkloadState | null
}

export interface ExecuteOptions<E> {
  /** Does the fence hold still? Asked just before each write. */
  readonly holds: Effect.Effect<boolean, E>
  /**
   * The intent was durable before this run began, so an earlier one, which a crash cut short, may have written. What
   * can't be found out about that any more is then `unknown`. Default false: nobody else can have begun.
   */
  readonly resumed?: boolean
  /**
   * Whether anything may be written. Default true. Without it the cluster is only asked what of the intent is in it.
   */
  readonly mayWrite?: boolean
}

export interface ExecutorOptions {
  /**
   * How many times its value a request or limit may be raised without a person. More than 1. Default 4, see
   * `PlanContext`.
   */
  readonly maximumResourceFactor?: number
  /**
   * How often a conflicting plan is made anew, and an unanswered write is repeated. 1 or more. Default 5, as the table
   * of Kubernetes' errors has it.
   */
  readonly attempts?: number
  /** The wait before a write without an answer is read back. Default 1 s. */
  readonly readBackDelay?: Duration.Input
  /**
   * The wait between evictions that a disruption budget does not allow. Default 5 s, as the table of Kubernetes' errors
   * has it.
   */
  readonly evictionInterval?: Duration.Input
  /**
   * How long an execution waits for disruption budgets. Default 2 minutes: more than a pod needs to start and less than
   * a person waits.
   */
  readonly evictionDeadline?: Duration.Input
  /**
   * How old an intent may be when its first write begins. Default 10 minutes, the cooldown of an action: after it,
   * things are to be looked at anew.
   */
  readonly intentLifetime?: Duration.Input
  /** Takes secrets out of logs. Default: none, and then diagnostics have no logs in them. */
  readonly redact?: (text: string) => string
}

export const defaults = {
  maximumResourceFactor: 4,
  attempts: 5,
  readBackDelay: "1 second",
  evictionInterval: "5 seconds",
  evictionDeadline: "2 minutes",
  intentLifetime: "10 minutes"
} as const satisfies ExecutorOptions

/** Whether an error says that what a change wanted gone is gone. */
const isGone = (change: Change, error: KubernetesError): boolean =>
  (change._tag === "Evict" || change._tag === "Delete")
  && (error.reason._tag === "NotFound" || error.reason._tag === "Conflict")

interface Stopped {
  readonly _tag: "Stopped"
  readonly applied: Applied
  readonly failure: Failure
}
const stopped = (failure: Failure, applied: Applied): Stopped => ({ _tag: "Stopped", applied, failure })
const done = { _tag: "Done" } as const

const conflict = (change: Change): Failure => ({
  word: "conflict",
  category: "conflict",
  recovery: "plan-anew",
  message: `${change.ref.kind} ${change.ref.name} has changed since it was planned.`
})

export class Executor extends Context.Service<
  Executor,
  {
    /** Reads, plans, captures the baseline and runs every write dry on the server. Changes nothing. */
    readonly plan: (input: PlanInput) => Effect.Effect<Intent, PlanRefused | KubernetesError>
    /** Carries a durable intent out, as far as it is not in the cluster already. */
    readonly execute: <E>(intent: Intent, options: ExecuteOptions<E>) => Effect.Effect<ExecutionOutcome, E>
  }
>()("kubernaut/execution/Executor") {}

export const layer = (options: ExecutorOptions = {}): Layer.Layer<Executor, never, KubernetesClient> =>
  Layer.effect(
    Executor,
    Effect.map(KubernetesClient, (client) => make(client, { ...defaults, ...options }))
  )

type Settings = ExecutorOptions & Required<Omit<ExecutorOptions, "redact">>

const make = (client: KubernetesClient["Service"], settings: Settings): Executor["Service"] => {
  const millis = (input: Duration.Input) => Duration.toMillis(Duration.fromInputUnsafe(input))
  const presence = (change: Change, { baseline, executionId }: Intent) => {
    const { kind, name, namespace } = baseline.ref
    const isTarget = change.ref.kind === kind && change.ref.name === name && change.ref.namespace === namespace
    return Effect.map(find(client, change.ref), (object) =>
      presenceOf(change, executionId, object, isTarget ? (baseline.uid ?? undefined) : undefined)
    )
  }

  /** The server's word on a change, without storing it. A budget or a vanished pod is seen to when the time comes. */
  const dryRun = (change: Change) =>
    client.apply(change, { dryRun: true }).pipe(
      Effect.catchIf(
        (error) => error.reason._tag === "DisruptionBudget" || isGone(change, error),
        () => Effect.void
      )
    )

  const planOnce = Effect.fnUntraced(function* (
    input: PlanInput,
    known?: WorkloadState | null
  ): Effect.fn.Return<Intent, PlanRefused | KubernetesError> {
    const plannedAt = yield* Timestamp.now
    const context: PlanContext = {
      executionId: input.executionId,
      remediationId: input.remediationId,
      epoch: input.epoch,
      plannedAt,
      approved: input.approved ?? false,
      decidedOn: input.decidedOn ?? undefined,
      maximumResourceFactor: settings.maximumResourceFactor
    }
    const baseline =
      known ?? (yield* readWorkload(resourceRef(input.target)).pipe(Effect.provideService(KubernetesClient, client)))
    const made = planAction(input.action, yield* readObjects(client, input.action), context)
    if (made._tag === "PlanRefusal")
      return yield* new PlanRefused({ rule: made.rule, message: made.message, approvable: made.approvable })
    for (const change of made.changes) yield* dryRun(change)
    const { changes, inverse } = made
    return { executionId: input.executionId, action: input.action, changes, inverse, baseline, plannedAt }
  })

  const plan = (input: PlanInput): Effect.Effect<Intent, PlanRefused | KubernetesError> =>
    Effect.suspend(() => {
      let known = input.baseline
      return Effect.suspend(() => {
        const baseline = known
        known = null
        return planOnce(input, baseline)
      }).pipe(
        // Nothing is journaled yet, so a plan that was overtaken is simply made anew, on what is there now.
        Effect.retry({
          times: settings.attempts - 1,
          while: (error) => error._tag === "KubernetesError" && error.reason._tag === "Conflict"
        })
      )
    }).pipe(Effect.withSpan("Executor.plan"))

  const carryOut = Effect.fnUntraced(function* <E>(
    change: Change,
    intent: Intent,
    { holds, mayWrite = true, resumed = false }: ExecuteOptions<E>,
    deadlineMs: number
  ) {
    let last: Failure | undefined
    let unanswered = false
    for (let attempt = 1; ; attempt++) {
      const read = yield* Effect.result(presence(change, intent))
      if (read._tag === "Failure") return stopped(last ?? classify(read.failure), "unknown")
      if (read.success === "present") return done
      if (read.success === "superseded") return stopped(conflict(change), "no")
      // Where a write was left without an answer, by this run or by one that crashed, nothing is left that says whether
      // it had arrived.
      if (read.success === "gone") return stopped(conflict(change), unanswered || resumed ? "unknown" : "no")
      if (last !== undefined && attempt > settings.attempts) return stopped(last, unanswered ? "unknown" : "no")
      if ((yield* Clock.currentTimeMillis) >= Timestamp.toMillis(intent.plannedAt) + millis(settings.intentLifetime))
        return stopped(last ?? stale, unanswered ? "unknown" : "no")
      if (!mayWrite) return stopped(otherMode, unanswered ? "unknown" : "no")
      if (!(yield* holds)) return stopped(fenced, unanswered ? "unknown" : "no")
      const written = yield* Effect.result(client.apply(change))
      if (written._tag === "Success" || isGone(change, written.failure)) return done
      const error = written.failure
      last = classify(error)
      if (error.reason._tag === "DisruptionBudget") {
        if ((yield* Monotonic.nowMs) + millis(settings.evictionInterval) > deadlineMs)
          return stopped(last, unanswered ? "unknown" : "no")
        yield* Effect.sleep(settings.evictionInterval)
        attempt = 0
      } else if (error.applied !== "no") {
        unanswered = true
        yield* Effect.sleep(settings.readBackDelay)
      } else {
        // A refusal of this write says nothing of the one that the run before may have on its way, and what was read
        // before may be behind.
        if (resumed) unanswered = true
        // A conflict may be an earlier attempt of ours that did go through: the next read tells.
        if (error.reason._tag !== "Conflict") return stopped(last, unanswered ? "unknown" : "no")
      }
    }
  })

  const outcomeOf = (intent: Intent, applied: Applied, failure?: Failure, message = failure?.message) =>
    Effect.map(Timestamp.now, (finishedAt): ExecutionOutcome => ({
      executionId: intent.executionId,
      applied,
      ...(failure === undefined ? {} : { failure: failure.word }),
      ...(message === undefined ? {} : { message }),
      finishedAt
    }))

  const execute = Effect.fn("Executor.execute")(function* <E>(intent: Intent, options: ExecuteOptions<E>) {
    if (intent.action.type === "CollectDiagnostics") {
      const collected = yield* Effect.result(collect(client, intent, settings.redact))
      return collected._tag === "Success"
        ? yield* outcomeOf(intent, "no", undefined, collected.success)
        : yield* outcomeOf(intent, "no", classify(collected.failure))
    }
    const deadlineMs = (yield* Monotonic.nowMs) + millis(settings.evictionDeadline)
    let changed = false
    for (const change of intent.changes) {
      const result = yield* carryOut(change, intent, options, deadlineMs)
      if (result._tag === "Stopped") return yield* outcomeOf(intent, changed ? "yes" : result.applied, result.failure)
      changed = true
    }
    return yield* outcomeOf(intent, changed ? "yes" : "no")
  })

  return { plan, execute }
}
