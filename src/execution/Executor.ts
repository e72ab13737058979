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
 * `applied: "yes"` in addition to the failure code. If somebody else has removed each pod before its first write, the
 * outcome has `applied: "no"` and no failure.
 *
 * The outcome of `CollectDiagnostics` is never `applied`; its message is the collected text.
 */

import { Context, type Duration, Effect, Layer, Option } from "effect"
import { ChangeJournal } from "../changes/ChangeJournal.ts"
import type { Action } from "../domain/Action.ts"
import { type DecisionReason, type Figures, sameFinding } from "../domain/Decision.ts"
import type { ExecutionOutcome, Intent } from "../domain/Execution.ts"
import type { ObjectChange, WatchGap } from "../domain/ObjectChange.ts"
import type { Room } from "../domain/Room.ts"
import type { Seen } from "../domain/Seen.ts"
import { type ResourceRef, resourceRef, type Target } from "../domain/Target.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import * as AccessCheck from "../kubernetes/AccessCheck.ts"
import { KubernetesClient, type KubernetesError } from "../kubernetes/KubernetesClient.ts"
import { readWorkload } from "../kubernetes/WorkloadReader.ts"
import { plan as planAction } from "./ActionPlan.ts"
import { knownSince } from "./actions/SuccessorAge.ts"
import { rivalKinds } from "./actions/Successors.ts"
import type { ChangesSince } from "./EarlierTemplateObjects.ts"
import { executeIntent, type ExecuteOptions, millis } from "./IntentExecution.ts"
import { firstBornAt, laterOnes, mostLater, ofOthers, refusalBy } from "./LaterChanges.ts"
import { leavesOf } from "./Leaves.ts"
import { isCordon } from "./NodeCordons.ts"
import * as NodeReservations from "./NodeReservations.ts"
import { permitted } from "./Permitted.ts"
import { type Ask, type PlanContext, type PlanRefusal, refuse } from "./Plan.ts"
import { planOn, PlanRefused, refused, type TriedPlan } from "./TriedPlan.ts"

/** A plan together with what a person has to know to approve it. */
export interface Draft {
  readonly intent: Intent
  /** What needs an approval, all of it. Empty: the plan itself needs none. */
  readonly asks: ReadonlyArray<Ask>
  /** What the plan changes, such as `{ replicas: "3 -> 5" }`. */
  readonly figures: Figures
  /** How much would fit, if it asks because not everything fits. */
  readonly room?: Room
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
  /**
   * Whether the plan is carried out if it asks nothing. A node that it cordons then counts as out for the plans of
   * other nodes, until the plan is carried out or abandoned, or has expired. Default false.
   */
  readonly reserve?: boolean
  /** The target's state that the guardrails compared. */
  readonly decidedOn?: WorkloadState | null
  /** What the investigation saw. The plan is refused if the object that it would write has changed since. */
  readonly seen?: Seen | undefined
  /**
   * The target's state, if the caller has just read it; this saves up to six requests. When it is absent or `null`, or
   * when a conflict forces a second plan, `plan` reads the target itself.
   */
  readonly baseline?: WorkloadState | null
}

/** Limits and waits of the executor. */
export interface ExecutorOptions {
  /** The largest factor by which a request or limit may be raised without an approval. More than 1. Default 4. */
  readonly maximumResourceFactor?: number
  /** The largest factor by which replicas, or a bound of an autoscaler, may be raised without an approval. Default 4. */
  readonly maximumScaleFactor?: number
  /** The largest share of a node pool that may be out without an approval, from 0 to 1. Default 0.25, at least one node. */
  readonly maximumNodesOut?: number
  /** The kinds of which an object that somebody added may be removed without an approval. Default: none. */
  readonly removableKinds?: ReadonlyArray<string>
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
  /** Whether the pods of a namespace are protected: draining a node that runs them needs an approval. Default: none is. */
  readonly isProtectedNamespace?: (namespace: string) => boolean
  /** Removes secrets from logs and event messages. Default: none, and diagnostics then contain neither. */
  readonly redact?: (text: string) => string
}

/** The defaults of `ExecutorOptions`. */
export const defaults = {
  maximumResourceFactor: 4,
  maximumScaleFactor: 4,
  maximumNodesOut: 0.25,
  isProtectedNamespace: () => false,
  removableKinds: [],
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
    /** Gives up a plan that is not carried out: the node that it has reserved is free for the plans of others. */
    readonly abandon: (executionId: string) => Effect.Effect<void>
  }
>()("kubernaut/execution/Executor") {}

/** The executor of the cluster that `KubernetesClient` connects to. */
export const layer = (options: ExecutorOptions = {}): Layer.Layer<Executor, never, KubernetesClient> =>
  Layer.effect(
    Executor,
    Effect.gen(function* () {
      // Without a journal no change is known, so none can be taken back.
      const journal = Option.getOrUndefined(yield* Effect.serviceOption(ChangeJournal))
      return make(yield* KubernetesClient, journal, { ...defaults, ...options })
    })
  )

type Client = KubernetesClient["Service"]
interface Cluster {
  readonly client: Client
  readonly journal: ChangeJournal["Service"] | undefined
  readonly access: AccessCheck.AccessCheck
  readonly reservations: NodeReservations.NodeReservations
}
type Settings = ExecutorOptions & Required<Omit<ExecutorOptions, "redact">>

const make = (
  client: Client,
  journal: ChangeJournal["Service"] | undefined,
  settings: Settings
): Executor["Service"] => {
  const cluster: Cluster = { client, journal, access: AccessCheck.make(client), reservations: NodeReservations.make() }
  return {
    draft: (input) => draft(cluster, settings, input),
    plan: (input, covered = []) =>
      Effect.flatMap(draft(cluster, settings, input), ({ asks, intent }) => {
        const open = asks.find((ask) => !covered.some((finding) => sameFinding(finding, ask)))
        return open === undefined
          ? Effect.succeed(intent)
          : Effect.fail(new PlanRefused({ rule: open.rule, message: open.message, approvable: true }))
      }),
    execute: (intent, options) =>
      Effect.ensuring(
        executeIntent(cluster, settings, intent, options),
        Effect.sync(() => cluster.reservations.release(intent.executionId))
      ),
    abandon: (executionId) => Effect.sync(() => cluster.reservations.release(executionId))
  }
}

/** The recorded change that an action takes back, what others have changed since, and why that keeps it from it. */
interface Recorded {
  readonly change?: ObjectChange
  readonly later?: ReadonlyArray<ObjectChange>
  readonly laterCut?: boolean
  readonly bornAt?: Timestamp.Timestamp | undefined
  readonly history?: ReadonlyArray<ObjectChange>
  readonly historyGaps?: ReadonlyArray<WatchGap>
  readonly overtaken?: PlanRefusal | undefined
}

/** With the recorded change that the action takes back. */
type ChangedInput = PlanInput & Omit<Recorded, "overtaken">

/**
 * Plans, and reserves the node that the plan cordons if nothing is asked. The other reservations are compared and the
 * node is reserved in one step, and the reservation is given up if the plan fails after that.
 */
const planReserving = (
  { client, journal, reservations }: Cluster,
  settings: Settings,
  input: ChangedInput,
  context: Omit<PlanContext, "reservedNodes">
): Effect.Effect<TriedPlan, PlanRefused | KubernetesError> => {
  const { action, executionId, reserve = false } = input
  const since = journal && changesSince(journal, action.target)
  const planned = reservations.reading((reading) =>
    planOn(client, { ...input, changesSince: since }, (objects, nowMs) => {
      const reservedNodes = reading.reservedBefore(executionId, nowMs)
      const result = planAction(action, objects, { ...context, reservedNodes })
      if (
        reserve
        && isCordon(action)
        && result._tag === "Plan"
        && result.changes.length > 0
        && result.asks.length === 0
      )
        reservations.reserve(action.target.name, executionId, nowMs + millis(settings.intentLifetime))
      return result
    })
  )
  return Effect.onError(planned, () => Effect.sync(() => reservations.release(executionId)))
}

const draftOnce = Effect.fnUntraced(function* (
  cluster: Cluster,
  settings: Settings,
  input: ChangedInput,
  known: WorkloadState | null | undefined
): Effect.fn.Return<Draft, PlanRefused | KubernetesError> {
  const plannedAt = yield* Timestamp.now
  const context = {
    executionId: input.executionId,
    remediationId: input.remediationId,
    epoch: input.epoch,
    plannedAt,
    decidedOn: input.decidedOn ?? undefined,
    seen: input.seen,
    maximumResourceFactor: settings.maximumResourceFactor,
    maximumScaleFactor: settings.maximumScaleFactor,
    maximumNodesOut: settings.maximumNodesOut,
    isProtectedNamespace: settings.isProtectedNamespace,
    removableKinds: settings.removableKinds
  }
  const baseline =
    known
    ?? (yield* readWorkload(resourceRef(input.target)).pipe(Effect.provideService(KubernetesClient, cluster.client)))
  const { asks, changes, fields, figures, inverse, left, note, room } = yield* planReserving(
    cluster,
    settings,
    input,
    context
  )
  return {
    intent: {
      executionId: input.executionId,
      action: input.action,
      changes,
      inverse,
      baseline,
      leaves: leavesOf(baseline, left),
      ...(fields === undefined ? {} : { fields }),
      ...(note === undefined ? {} : { note }),
      plannedAt
    },
    asks,
    figures,
    ...(room === undefined ? {} : { room })
  }
})

/** Reads the journal. One that cannot be read leaves it unknown what speaks against a rollback. */
const changesSince =
  (journal: ChangeJournal["Service"], target: ResourceRef): ChangesSince =>
  (namespace, since) =>
    Effect.match(journal.list({ namespace, since, limit: mostLater }), {
      onFailure: () => ({ later: [], laterCut: true }),
      onSuccess: (all) => ({ later: ofOthers(target, all), laterCut: all.length >= mostLater })
    })

/** How many of the newest changes of an object are compared. */
const comparedChanges = 100

/** Reads the recorded changes of the objects that may have taken the place of the changed one. */
const historyOf = Effect.fnUntraced(function* (journal: ChangeJournal["Service"], change: ObjectChange) {
  const { kind, namespace } = change.ref
  const kinds = namespace === "" || change.operation === "created" ? [] : rivalKinds(kind)
  if (kinds.length === 0) return { history: [], historyGaps: [] }
  const history = yield* journal.list({ namespace, kinds, limit: mostLater })
  const gaps = yield* journal.gaps(kinds, knownSince(change))
  // Those that are older than the oldest one may not have been read.
  const to = history.length < mostLater ? undefined : history.at(-1)?.at
  const unread =
    to === undefined ? [] : kinds.map((each): WatchGap => ({ kind: each, from: null, to, reason: "dropped" }))
  return { history, historyGaps: [...gaps, ...unread] }
})

/** Reads the recorded change that an action takes back, and those that followed. */
const changeOf = Effect.fnUntraced(function* (
  { journal }: Cluster,
  { action }: PlanInput
): Effect.fn.Return<Recorded, PlanRefused> {
  if (action.type !== "RestoreObject" || journal === undefined) return {}
  const unreadable = () =>
    refused(refuse("change-unreadable", `Change ${action.change} could not be read from the journal.`))
  const change = yield* Effect.mapError(journal.find(action.change), unreadable)
  if (change === undefined) return {}
  const others = yield* Effect.mapError(journal.list({ refs: [change.ref], limit: comparedChanges }), unreadable)
  const { namespace } = change.ref
  const since = change.notBefore ?? change.at
  // Counted as read: the filter leaves out our own, and those of the object itself.
  const later =
    namespace === "" ? [] : yield* Effect.mapError(journal.list({ namespace, since, limit: mostLater }), unreadable)
  const known = yield* Effect.mapError(historyOf(journal, change), unreadable)
  const overtaken = refusalBy(change, others)
  const bornAt = firstBornAt(change, others)
  return { change, later: laterOnes(change, later), laterCut: later.length >= mostLater, bornAt, ...known, overtaken }
})

const draft = (
  cluster: Cluster,
  settings: Settings,
  input: PlanInput
): Effect.Effect<Draft, PlanRefused | KubernetesError> =>
  Effect.gen(function* () {
    const { overtaken, ...recorded } = yield* changeOf(cluster, input)
    const { change } = recorded
    const denied = yield* permitted(cluster.access, input.action, input.target, change)
    if (denied !== undefined) return yield* refused(denied)
    let known = input.baseline
    const drafted = yield* Effect.suspend(() => {
      const baseline = known
      known = null
      return draftOnce(cluster, settings, { ...input, ...recorded }, baseline)
    }).pipe(
      // Nothing is journaled yet, so a plan that hit a conflict is computed again from the current objects.
      Effect.retry({
        times: settings.attempts - 1,
        while: (error) => error._tag === "KubernetesError" && error.reason._tag === "Conflict"
      })
    )
    // Where the object is as it was before, nothing is overwritten.
    return overtaken === undefined || drafted.intent.changes.length === 0 ? drafted : yield* refused(overtaken)
  }).pipe(Effect.withSpan("Executor.plan"))
