/**
 * Plans an action and carries it out on the cluster.
 *
 * **Details**
 *
 * `plan` reads the cluster, computes the writes and their inverse, captures the baseline and runs every write as a
 * server-side dry run. It changes nothing. The caller journals the resulting `Intent` and then passes it to `execute`,
 * which carries out the changes in order, each as the diagram in `CarryOut` shows. `draft` plans in the same way, and
 * also returns what a person has to approve; the caller shows it before it asks.
 *
 * Every write is conditional on a resourceVersion or a uid, so a repeated write takes effect at most once, whether this
 * process, the pipeline beneath it or another process after a crash repeats it. A journaled intent is therefore always
 * accurate: each change is written exactly as recorded, or not at all.
 *
 * **Gotchas**
 *
 * If an execution fails after one of its changes was applied (for example a drain that got stuck), the outcome has
 * `applied: "yes"` in addition to the failure code.
 *
 * The outcome of `CollectDiagnostics` is never `applied`; its message is the collected text.
 */

import { Context, Duration, Effect, Layer, Schema } from "effect"
import type { Action } from "../domain/Action.ts"
import type { Change } from "../domain/Change.ts"
import { type DecisionReason, type Figures, sameFinding } from "../domain/Decision.ts"
import type { Applied, ExecutionOutcome, Intent } from "../domain/Execution.ts"
import { resourceRef, type Target } from "../domain/Target.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import { KubernetesClient, type KubernetesError } from "../kubernetes/KubernetesClient.ts"
import { readWorkload } from "../kubernetes/WorkloadReader.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { readObjects } from "./ActionObjects.ts"
import { plan as planAction } from "./ActionPlan.ts"
import { carryOut, isGone, type Limits } from "./CarryOut.ts"
import { collect } from "./Diagnostics.ts"
import { classify, type Failure } from "./FailureClassifier.ts"
import { type Ask, type PlanContext, RefusalRule } from "./Plan.ts"

/** The action can't, or must not, be carried out on the objects in their current state. Nothing was written. */
export class PlanRefused extends Schema.TaggedError<PlanRefused>()("PlanRefused", {
  rule: RefusalRule,
  message: Schema.String,
  /** Whether the plan is accepted once a person has approved every ask of its `draft`. */
  approvable: Schema.Boolean
}) {}

/** A plan together with what a person has to know to approve it. */
export interface Draft {
  readonly intent: Intent
  /** What needs an approval, all of it. Empty: the plan itself needs none. */
  readonly asks: ReadonlyArray<Ask>
  /** What the plan changes, such as `{ replicas: "3 -> 5" }`. */
  readonly figures: Figures
}

/** What `plan` needs: the action, its target, and the execution. */
export interface PlanInput {
  readonly action: Action
  readonly target: Target
  readonly remediationId: string
  /** Unique per attempt to act, and unchanged after a crash. */
  readonly executionId: string
  /** The epoch of the activation that acts. */
  readonly epoch: number
  /** The target's state when the action was proposed. A rollback is refused when a rollout has happened since. */
  readonly decidedOn?: WorkloadState | null
  /**
   * The target's state, if the caller has just read it; this saves up to six requests. When it is absent or `null`, or
   * when a conflict forces a second plan, `plan` reads the target itself.
   */
  readonly baseline?: WorkloadState | null
}

/** What `execute` may write, and what may have been written before. */
export interface ExecuteOptions<E> {
  /** Whether the fence still holds. Evaluated just before each write. */
  readonly holds: Effect.Effect<boolean, E>
  /**
   * Whether an earlier run, cut short by a crash, may already have written part of the intent. If so, anything about
   * that run that can no longer be determined is reported as `unknown`. Default false: this is the first run.
   */
  readonly resumed?: boolean
  /** Whether writes are allowed. Default true. If not, `execute` only reads back which changes are in the cluster. */
  readonly mayWrite?: boolean
}

/** Limits and waits of the executor. */
export interface ExecutorOptions {
  /** The largest factor by which a request or limit may be raised without an approval. More than 1. Default 4. */
  readonly maximumResourceFactor?: number
  /**
   * The maximum number of times a plan is computed after conflicts, and of times one write is sent when no response
   * arrives. 1 or more. Default 5.
   */
  readonly attempts?: number
  /** The wait after a write without a response, before it is read back. Default 1 s. */
  readonly readBackDelay?: Duration.Input
  /** The wait before retrying an eviction that a PodDisruptionBudget did not allow. Default 5 s. */
  readonly evictionInterval?: Duration.Input
  /**
   * The maximum time that one execution waits for PodDisruptionBudgets. Default 2 minutes: longer than a pod needs to
   * start, and shorter than a person waits.
   */
  readonly evictionDeadline?: Duration.Input
  /**
   * The maximum age of an intent when a write begins. Default 10 minutes, the cooldown of an action: after that the
   * situation needs a new decision.
   */
  readonly intentLifetime?: Duration.Input
  /** Removes secrets from logs and event messages. Default: none, and diagnostics then contain neither. */
  readonly redact?: (text: string) => string
}

/** The defaults of `ExecutorOptions`. */
export const defaults = {
  maximumResourceFactor: 4,
  attempts: 5,
  readBackDelay: "1 second",
  evictionInterval: "5 seconds",
  evictionDeadline: "2 minutes",
  intentLifetime: "10 minutes"
} as const satisfies ExecutorOptions

/** Plans actions and carries them out. */
export class Executor extends Context.Service<
  Executor,
  {
    /** Plans the action: reads the cluster, captures the baseline and runs every write as a dry run. Changes nothing. */
    readonly draft: (input: PlanInput) => Effect.Effect<Draft, PlanRefused | KubernetesError>
    /** The intent of a `draft` whose asks are all among the findings in `covered`, which is empty by default. */
    readonly plan: (
      input: PlanInput,
      covered?: ReadonlyArray<DecisionReason>
    ) => Effect.Effect<Intent, PlanRefused | KubernetesError>
    /** Carries out a journaled intent, skipping the changes that are already in the cluster. */
    readonly execute: <E>(intent: Intent, options: ExecuteOptions<E>) => Effect.Effect<ExecutionOutcome, E>
  }
>()("kubernaut/execution/Executor") {}

/** The executor of the cluster that `KubernetesClient` connects to. */
export const layer = (options: ExecutorOptions = {}): Layer.Layer<Executor, never, KubernetesClient> =>
  Layer.effect(
    Executor,
    Effect.map(KubernetesClient, (client) => make(client, { ...defaults, ...options }))
  )

type Client = KubernetesClient["Service"]
type Settings = ExecutorOptions & Required<Omit<ExecutorOptions, "redact">>

const make = (client: Client, settings: Settings): Executor["Service"] => ({
  draft: (input) => draft(client, settings, input),
  plan: (input, covered = []) =>
    Effect.flatMap(draft(client, settings, input), ({ asks, intent }) => {
      const open = asks.find((ask) => !covered.some((finding) => sameFinding(finding, ask)))
      return open === undefined
        ? Effect.succeed(intent)
        : Effect.fail(new PlanRefused({ rule: open.rule, message: open.message, approvable: true }))
    }),
  execute: (intent, options) => execute(client, settings, intent, options)
})

/**
 * Validates a change on the server without storing it. Disruption budgets and pods that are already gone are handled
 * when the change is carried out.
 */
const dryRun = (client: Client, change: Change) =>
  client.apply(change, { dryRun: true }).pipe(
    Effect.catchIf(
      (error) => error.reason._tag === "DisruptionBudget" || isGone(change, error),
      () => Effect.void
    )
  )

const draftOnce = Effect.fnUntraced(function* (
  client: Client,
  settings: Settings,
  input: PlanInput,
  known: WorkloadState | null | undefined
): Effect.fn.Return<Draft, PlanRefused | KubernetesError> {
  const plannedAt = yield* Timestamp.now
  const context: PlanContext = {
    executionId: input.executionId,
    remediationId: input.remediationId,
    epoch: input.epoch,
    plannedAt,
    decidedOn: input.decidedOn ?? undefined,
    maximumResourceFactor: settings.maximumResourceFactor
  }
  const baseline =
    known ?? (yield* readWorkload(resourceRef(input.target)).pipe(Effect.provideService(KubernetesClient, client)))
  const result = planAction(input.action, yield* readObjects(client, input.action), context)
  if (result._tag === "PlanRefusal") {
    return yield* new PlanRefused({ rule: result.rule, message: result.message, approvable: false })
  }
  const { asks, changes, figures, inverse } = result
  for (const change of changes) yield* dryRun(client, change)
  return {
    intent: { executionId: input.executionId, action: input.action, changes, inverse, baseline, plannedAt },
    asks,
    figures
  }
})

const draft = (
  client: Client,
  settings: Settings,
  input: PlanInput
): Effect.Effect<Draft, PlanRefused | KubernetesError> =>
  Effect.suspend(() => {
    let known = input.baseline
    return Effect.suspend(() => {
      const baseline = known
      known = null
      return draftOnce(client, settings, input, baseline)
    }).pipe(
      // Nothing is journaled yet, so a plan that hit a conflict is computed again from the current objects.
      Effect.retry({
        times: settings.attempts - 1,
        while: (error) => error._tag === "KubernetesError" && error.reason._tag === "Conflict"
      })
    )
  }).pipe(Effect.withSpan("Executor.plan"))

const outcomeOf = (intent: Intent, applied: Applied, failure?: Failure, message = failure?.message) =>
  Effect.map(Timestamp.now, (finishedAt): ExecutionOutcome => ({
    executionId: intent.executionId,
    applied,
    ...(failure === undefined ? {} : { failure: failure.code }),
    ...(message === undefined ? {} : { message }),
    finishedAt
  }))

const millis = (input: Duration.Input) => Duration.toMillis(Duration.fromInputUnsafe(input))

const execute = Effect.fn("Executor.execute")(function* <E>(
  client: Client,
  settings: Settings,
  intent: Intent,
  { holds, mayWrite = true, resumed = false }: ExecuteOptions<E>
) {
  if (intent.action.type === "CollectDiagnostics") {
    const collected = yield* Effect.result(collect(client, intent, settings.redact))
    return collected._tag === "Success"
      ? yield* outcomeOf(intent, "no", undefined, collected.success)
      : yield* outcomeOf(intent, "no", classify(collected.failure))
  }
  const limits: Limits = {
    attempts: settings.attempts,
    readBackDelayMs: millis(settings.readBackDelay),
    evictionIntervalMs: millis(settings.evictionInterval),
    evictionDeadlineMs: (yield* Monotonic.nowMs) + millis(settings.evictionDeadline),
    expiresAtMs: Timestamp.toMillis(intent.plannedAt) + millis(settings.intentLifetime)
  }
  let changed = false
  for (const change of intent.changes) {
    const result = yield* carryOut(client, intent, { change, resumed, mayWrite, limits }, holds)
    if (result._tag === "Stop") return yield* outcomeOf(intent, changed ? "yes" : result.applied, result.failure)
    changed = true
  }
  return yield* outcomeOf(intent, changed ? "yes" : "no")
})
