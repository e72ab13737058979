/**
 * Undoes executions: plans the undo on the current objects (`Rollback`), carries it out, and reads back whether the
 * target is as it was before (`Restoration`).
 *
 * A rollback writes as an execution does (`CarryOut`): the intent is durable first, the fence is checked before each
 * write, each write is signed, and a run that was cut short is recognized by reading back.
 */

import { Context, Duration, Effect, Layer } from "effect"
import type { Change } from "../domain/Change.ts"
import type { Applied, ExecutionOutcome, Intent } from "../domain/Execution.ts"
import { attemptId, type RollbackIntent, type RollbackTrigger, type RollbackVerification } from "../domain/Rollback.ts"
import type { SeenObject } from "../domain/Seen.ts"
import { resourceRef, sameRef, type Target } from "../domain/Target.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import { find, KubernetesClient, type KubernetesError, type KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { isNotNewer } from "../kubernetes/ResourceVersion.ts"
import { seenObject } from "../kubernetes/SpecDigest.ts"
import { readWorkload } from "../kubernetes/WorkloadReader.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { carryOut } from "./CarryOut.ts"
import { dryRun } from "./DryRun.ts"
import { classify, type Failure } from "./FailureClassifier.ts"
import { plannedVersion } from "./ObjectPatch.ts"
import { either, outcomeOf } from "./Outcome.ts"
import { strategyOf } from "./RecoveryStrategy.ts"
import { watch } from "./RestorationWatch.ts"
import { planRollback, type RollbackPlan, undoneBy } from "./Rollback.ts"
import { takenOver } from "./RollbackAutoscaler.ts"
import { rollbackEvictions } from "./RollbackEvictions.ts"
import type { RollbackRefusal } from "./RollbackForeign.ts"

/** What `plan` needs. */
export interface RollbackPlanInput {
  /** The intent that is undone, and its outcome. */
  readonly intent: Intent
  readonly outcome: ExecutionOutcome | undefined
  readonly target: Target
  readonly trigger: RollbackTrigger
  /** From 1, over all rollbacks of the execution. */
  readonly attempt: number
  readonly remediationId: string
  /** The epoch of the activation that undoes. */
  readonly epoch: number
}

/** What `execute` may write, and what may have been written before. */
export interface RollbackExecuteOptions<E> {
  /** Whether the fence still holds. Evaluated just before each write. */
  readonly holds: Effect.Effect<boolean, E>
  /** Whether an earlier run, cut short by a crash, may already have written a part. */
  readonly resumed: boolean
  /** Whether writes are allowed. If not, `execute` only reads back which changes are in the cluster. */
  readonly mayWrite: boolean
}

/** Limits and waits of rollbacks. */
export interface RollbackOptions {
  /** How often a plan is computed after conflicts, and one write is sent when no response arrives. Default 5. */
  readonly attempts?: number
  /** The wait after a write without a response, and after a read that is out of date. Default 1 s. */
  readonly readBackDelay?: Duration.Input
  /** The maximum age of an intent when a write begins. Default 10 minutes, as for an action. */
  readonly intentLifetime?: Duration.Input
  /** The wait before retrying an eviction that a PodDisruptionBudget did not allow. Default 5 s. */
  readonly evictionInterval?: Duration.Input
  /** The maximum time that one attempt waits for PodDisruptionBudgets. Default 2 minutes, as for an action. */
  readonly evictionDeadline?: Duration.Input
  /**
   * How long a restored target may take until its controller has observed the spec, at most a minute, and until its
   * pods are as ready as before the action. Default 5 minutes, as long as a target may take to settle after an action.
   */
  readonly restoreTimeout?: Duration.Input
}

const defaults = {
  attempts: 5,
  readBackDelay: "1 second",
  intentLifetime: "10 minutes",
  evictionInterval: "5 seconds",
  evictionDeadline: "2 minutes",
  restoreTimeout: "5 minutes"
} as const satisfies RollbackOptions

/** Undoes executions. */
export class RollbackExecutor extends Context.Service<
  RollbackExecutor,
  {
    /** What a rollback would write now, or why it would not. Only reads. */
    readonly preview: (
      input: Omit<RollbackPlanInput, "target">
    ) => Effect.Effect<RollbackPlan | RollbackRefusal, KubernetesError>
    /** Plans a rollback: captures the current state and runs every write as a dry run. Changes nothing. */
    readonly plan: (input: RollbackPlanInput) => Effect.Effect<RollbackIntent | RollbackRefusal, KubernetesError>
    /** Carries out a journaled rollback, skipping the changes that are already in the cluster. */
    readonly execute: <E>(
      intent: RollbackIntent,
      options: RollbackExecuteOptions<E>
    ) => Effect.Effect<ExecutionOutcome, E>
    /** Reads back whether the target is as it was before the action. */
    readonly verify: (intent: RollbackIntent, undone: Intent, target: Target) => Effect.Effect<RollbackVerification>
  }
>()("kubernaut/execution/RollbackExecutor") {}

/** The service for the cluster that `KubernetesClient` connects to. */
export const layer = (options: RollbackOptions = {}): Layer.Layer<RollbackExecutor, never, KubernetesClient> =>
  Layer.effect(
    RollbackExecutor,
    Effect.map(KubernetesClient, (client) => make(client, { ...defaults, ...options }))
  )

type Client = KubernetesClient["Service"]

const millis = (input: Duration.Input) => Duration.toMillis(Duration.fromInputUnsafe(input))

const make = (client: Client, settings: Required<RollbackOptions>): RollbackExecutor["Service"] => ({
  preview: (input) => Effect.map(readAndPlan(client, settings, input), ({ result }) => result),
  plan: (input) => plan(client, settings, input),
  execute: (intent, options) => execute(client, settings, intent, options),
  verify: (intent, undone, target) =>
    watch(client, { intent, undone, target, timeoutMs: millis(settings.restoreTimeout) })
})

const readUndone = (client: Client, { inverse }: Intent) =>
  Effect.forEach(undoneBy(inverse), ({ ref }) => find(client, ref))

/** Whether the write is known to have arrived, and these objects are from before it. */
const isOutOfDate = (
  { intent, outcome }: Pick<RollbackPlanInput, "intent" | "outcome">,
  objects: ReadonlyArray<KubernetesObject | undefined>
): boolean =>
  outcome?.applied === "yes"
  && outcome.failure === undefined
  && undoneBy(intent.inverse).some(({ ref }, index) => {
    const version = objects[index]?.metadata.resourceVersion
    return (
      version !== undefined
      && intent.changes.some((change) => sameRef(change.ref, ref) && isNotNewer(version, plannedVersion(change)))
    )
  })

interface Read {
  readonly objects: ReadonlyArray<KubernetesObject | undefined>
  readonly result: RollbackPlan | RollbackRefusal
}

/** Plans on the current objects. */
const readAndPlan = Effect.fnUntraced(function* (
  client: Client,
  settings: Required<RollbackOptions>,
  input: Omit<RollbackPlanInput, "target">
): Effect.fn.Return<Read, KubernetesError> {
  const { attempt, epoch, intent, remediationId, trigger } = input
  let objects = yield* readUndone(client, intent)
  for (let again = 1; again < settings.attempts && isOutOfDate(input, objects); again++) {
    yield* Effect.sleep(settings.readBackDelay)
    objects = yield* readUndone(client, intent)
  }
  const signature = { executionId: attemptId(intent.executionId, attempt), remediationId, epoch }
  const result: RollbackPlan | RollbackRefusal = isOutOfDate(input, objects)
    ? {
        _tag: "RollbackRefusal",
        code: "unreadable",
        message: "The API server returns the object as it was before the action, so its state is not known."
      }
    : planRollback({ intent, created: input.outcome?.created, trigger, objects, signature })
  const objection = result._tag === "RollbackPlan" ? yield* takenOver(client, intent, result, objects) : undefined
  return { objects, result: objection ?? result }
})

/** The objects as they are expected to be afterwards. */
const restoresOf = (
  { baseline, inverse }: Intent,
  exact: boolean,
  after: ReadonlyArray<KubernetesObject | undefined>
): ReadonlyArray<SeenObject> =>
  undoneBy(inverse).flatMap(({ _tag, ref }, index) => {
    const object = after[index]
    // What is created again has an uid that nobody knows yet.
    if (object === undefined || _tag !== "Patch") return []
    const left = seenObject(ref, object, baseline.autoscaler !== null)
    const before = exact && sameRef(ref, baseline.ref) ? baseline.spec : undefined
    return [typeof before === "string" ? { ...left, spec: before } : left]
  })

/** Whether the API server says that it will not accept the write, which a person has to judge. */
const isRefused = ({ code }: Failure): boolean => {
  const strategy = strategyOf(code)
  return strategy === "review" || strategy === "alternative"
}

const planOnce = Effect.fnUntraced(function* (
  client: Client,
  settings: Required<RollbackOptions>,
  input: RollbackPlanInput
): Effect.fn.Return<RollbackIntent | RollbackRefusal, KubernetesError> {
  const { attempt, intent, target, trigger } = input
  const { objects, result } = yield* readAndPlan(client, settings, input)
  if (result._tag === "RollbackRefusal") return result
  const after: Array<KubernetesObject | undefined> = [...objects]
  for (const change of result.changes) {
    const tried = yield* Effect.result(dryRun(client, change))
    if (tried._tag === "Failure") {
      const failure = classify(tried.failure)
      if (!isRefused(failure)) return yield* tried.failure
      const { code, message, remedy } = failure
      return { _tag: "RollbackRefusal", code, message: remedy === undefined ? message : `${message} ${remedy}` }
    }
    const index = undoneBy(intent.inverse).findIndex(({ ref }) => sameRef(ref, change.ref))
    after[index] = tried.success
  }
  const evictions: Array<Change> = []
  for (const [index, object] of objects.entries())
    evictions.push(...(yield* rollbackEvictions(client, object, after[index])))
  const before = yield* readWorkload(resourceRef(target)).pipe(Effect.provideService(KubernetesClient, client))
  return {
    undoes: intent.executionId,
    executionId: attemptId(intent.executionId, attempt),
    attempt,
    trigger,
    changes: [...result.changes, ...evictions],
    before,
    restores: restoresOf(intent, result.exact, after),
    ...(result.remains === undefined ? {} : { remains: result.remains }),
    plannedAt: yield* Timestamp.now
  }
})

const plan = (client: Client, settings: Required<RollbackOptions>, input: RollbackPlanInput) =>
  planOnce(client, settings, input).pipe(
    // Nothing is journaled yet, so a plan that hit a conflict is computed again from the current objects.
    Effect.retry({
      times: settings.attempts - 1,
      while: ({ reason }) => reason._tag === "Conflict" || reason._tag === "NotFound"
    }),
    Effect.withSpan("RollbackExecutor.plan")
  )

const execute = Effect.fn("RollbackExecutor.execute")(function* <E>(
  client: Client,
  settings: Required<RollbackOptions>,
  intent: RollbackIntent,
  { holds, mayWrite, resumed }: RollbackExecuteOptions<E>
) {
  const limits = {
    attempts: settings.attempts,
    readBackDelayMs: millis(settings.readBackDelay),
    evictionIntervalMs: millis(settings.evictionInterval),
    evictionDeadlineMs: (yield* Monotonic.nowMs) + millis(settings.evictionDeadline),
    expiresAtMs: Timestamp.toMillis(intent.plannedAt) + millis(settings.intentLifetime)
  }
  let applied: Applied = "no"
  for (const change of intent.changes) {
    const writer = { executionId: intent.executionId, baseline: intent.before }
    const result = yield* carryOut(client, writer, { change, resumed, mayWrite, limits }, { holds })
    applied = either(applied, result.applied)
    if (result._tag === "Stop") return yield* outcomeOf(intent, applied, result.failure)
  }
  return yield* outcomeOf(intent, applied)
})
