/**
 * Carries out a journaled intent: its changes in order, each as the diagram in `CarryOut` shows, and for a drain the
 * pods that have come to the node since.
 *
 * An execution that stops after a change was applied has the failure and `applied: "yes"`. It takes nothing back:
 * undoing is a step of its own, which is journaled too. So a drain that gives up is undone there, by its inverse.
 */

import { Duration, Effect, Result } from "effect"
import type { Change } from "../domain/Change.ts"
import type { Applied, ExecutionOutcome, Intent } from "../domain/Execution.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import type { AccessCheck } from "../kubernetes/AccessCheck.ts"
import type { KubernetesClient } from "../kubernetes/KubernetesClient.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import * as Patience from "../resilience/pipeline/Patience.ts"
import { carryOut, type Limits } from "./CarryOut.ts"
import { collect } from "./Diagnostics.ts"
import { maximumRounds, readArrivals } from "./DrainArrivals.ts"
import { classify, type Failure, notPermitted, podsRemain } from "./FailureClassifier.ts"
import { cordonFailure, cordons, isCordon } from "./NodeCordons.ts"
import type { NodeReservations } from "./NodeReservations.ts"
import { either, outcomeOf } from "./Outcome.ts"
import { permitted } from "./Permitted.ts"

/** What `execute` may write, and what may have been written before. */
export interface ExecuteOptions<E> {
  /** Whether the fence still holds. Evaluated just before each write. */
  readonly holds: Effect.Effect<boolean, E>
  /**
   * What keeps the action from starting. Evaluated just before each write, for as long as no write of the action can
   * have arrived. Default: nothing does.
   */
  readonly mayNotStart?: Effect.Effect<Failure | undefined, E>
  /**
   * Whether an earlier run, cut short by a crash, may already have written part of the intent. If so, anything about
   * that run that can no longer be determined is reported as `unknown`. Default false: this is the first run.
   */
  readonly resumed?: boolean
  /** Whether a person has approved the action, so that how many nodes are out is not checked again. Default false. */
  readonly approved?: boolean
  /** Whether writes are allowed. Default true. If not, `execute` only reads back which changes are in the cluster. */
  readonly mayWrite?: boolean
}

/** The settings of `ExecutorOptions` that an execution needs. */
export interface ExecutionSettings {
  readonly attempts: number
  readonly readBackDelay: Duration.Input
  readonly evictionInterval: Duration.Input
  readonly evictionDeadline: Duration.Input
  readonly intentLifetime: Duration.Input
  readonly maximumNodesOut: number
  readonly isProtectedNamespace: (namespace: string) => boolean
  readonly redact?: (text: string) => string
}

export const millis = (input: Duration.Input) => Duration.toMillis(Duration.fromInputUnsafe(input))

type Client = KubernetesClient["Service"]

/** How far an execution is: whether it has changed the cluster, and why it has stopped. */
interface Ran {
  readonly applied: Applied
  readonly created: NonNullable<ExecutionOutcome["created"]>
  readonly stop?: Failure
}

/** Carries out changes in order, until one stops. */
type CarryOutAll<E> = (changes: ReadonlyArray<Change>) => Effect.Effect<Ran, E>

const makeCarryOutAll = <E>(
  client: Client,
  settings: ExecutionSettings,
  intent: Intent,
  { holds, mayNotStart, mayWrite = true, resumed = false }: ExecuteOptions<E>,
  objection: (change: Change) => Effect.Effect<Failure | undefined>
): CarryOutAll<E> => {
  let evictionDeadlineMs: number | undefined
  let hasStarted = false
  return Effect.fnUntraced(function* (changes: ReadonlyArray<Change>) {
    let applied: Applied = "no"
    const created: Array<Ran["created"][number]> = []
    for (const change of changes) {
      const failure = yield* objection(change)
      if (failure !== undefined) return { applied: either(applied, resumed ? "unknown" : "no"), created, stop: failure }
      // The wait for disruption budgets begins with the first eviction: what came before may have waited for our limits.
      if (change._tag === "Evict") evictionDeadlineMs ??= (yield* Monotonic.nowMs) + millis(settings.evictionDeadline)
      const limits: Limits = {
        attempts: settings.attempts,
        readBackDelayMs: millis(settings.readBackDelay),
        evictionIntervalMs: millis(settings.evictionInterval),
        evictionDeadlineMs: evictionDeadlineMs ?? 0,
        expiresAtMs: Timestamp.toMillis(intent.plannedAt) + millis(settings.intentLifetime)
      }
      const result = yield* carryOut(
        client,
        intent,
        { change, resumed, mayWrite, limits },
        { holds, ...(hasStarted || mayNotStart === undefined ? {} : { objection: mayNotStart }) }
      )
      hasStarted ||= result.applied !== "no"
      applied = either(applied, result.applied)
      if (result._tag === "Stop") return { applied, created, stop: result.failure }
      if (result.uid !== undefined) created.push({ ref: change.ref, uid: result.uid })
    }
    return { applied, created }
  })
}

/** Evicts the pods that came to the node since the drain was planned. */
const evictArrivals = Effect.fnUntraced(function* <E>(
  client: Client,
  { isProtectedNamespace }: ExecutionSettings,
  intent: Intent,
  carryOutAll: CarryOutAll<E>
): Effect.fn.Return<Ran & { readonly evicted: ReadonlyArray<string> }, E> {
  const known = new Set(intent.changes.flatMap((change) => (change._tag === "Evict" ? [change.uid] : [])))
  const evicted: Array<string> = []
  const created: Ran["created"] = []
  let applied: Applied = "no"
  for (let round = 0; ; round++) {
    const read = yield* Effect.result(readArrivals(client, intent, known, isProtectedNamespace))
    // Verification reads the node too: a drain is not called successful because this was not read.
    if (Result.isFailure(read)) return { applied, created, evicted }
    const { evictions, failure } = read.success
    const name = intent.action.target.name
    const reason = evictions.length > 0 && round === maximumRounds ? keepComing(name, evictions) : failure
    if (reason !== undefined && (evictions.length === 0 || round === maximumRounds))
      return { applied, created, evicted, stop: reason }
    if (evictions.length === 0) return { applied, created, evicted }
    const ran = yield* carryOutAll(evictions)
    applied = either(applied, ran.applied)
    if (ran.stop !== undefined) return { applied, created, evicted, stop: ran.stop }
    for (const change of evictions) {
      if (change._tag === "Evict") known.add(change.uid)
      evicted.push(change.ref.name)
    }
  }
})

const keepComing = (node: string, latest: ReadonlyArray<Change>): Failure =>
  podsRemain(
    `Pods keep coming to ${node} while it is drained, the latest ${latest.map(({ ref }) => ref.name).join(", ")}.`
  )

const arrived = (evicted: ReadonlyArray<string>): string | undefined =>
  evicted.length === 0
    ? undefined
    : `Pods that came to the node after the plan were evicted too: ${evicted.join(", ")}.`

/** What a person should know after a success. */
const messageOf = ({ changes, note }: Intent, applied: Applied, evicted: ReadonlyArray<string>): string | undefined => {
  const sentences = [
    arrived(evicted),
    applied === "no" ? undefined : note,
    applied === "no" && changes.length > 0
      ? "Somebody else had already removed what the action was to remove, so Kubernaut wrote nothing."
      : undefined,
    applied === "unknown" ? "It is not known whether Kubernaut or somebody else has removed what is gone." : undefined
  ].filter((sentence) => sentence !== undefined)
  return sentences.length === 0 ? undefined : sentences.join(" ")
}

/** What the change was that a restoration takes back, by its first write. */
const operationOf = ({ changes: [first] }: Intent) =>
  ({ operation: first?._tag === "Create" ? "deleted" : first?._tag === "Delete" ? "created" : "modified" }) as const

/** What an execution works with. */
export interface ExecutionCluster {
  readonly client: Client
  readonly access: AccessCheck
  readonly reservations: NodeReservations
}

export const executeIntent = Effect.fn("Executor.execute")(function* <E>(
  { access, client, reservations }: ExecutionCluster,
  settings: ExecutionSettings,
  intent: Intent,
  options: ExecuteOptions<E>
) {
  const { approved = false, mayWrite = true, resumed = false } = options
  if (intent.action.type === "CollectDiagnostics") {
    const collected = yield* Effect.result(collect(client, intent, settings.redact))
    return collected._tag === "Success"
      ? yield* outcomeOf(intent, "no", undefined, collected.success)
      : yield* outcomeOf(intent, "no", classify(collected.failure))
  }
  // An earlier run may have written already, so its outcome is read back first. A question without an answer is no "no".
  if (mayWrite && !resumed && intent.changes.length > 0) {
    const denied = yield* permitted(access, intent.action, intent.baseline.ref, operationOf(intent)).pipe(
      Effect.provideService(Patience.CurrentPatience, undefined),
      Effect.orElseSucceed(() => undefined)
    )
    if (denied !== undefined) return yield* outcomeOf(intent, "no", notPermitted(denied.message))
  }
  // While it is carried out, the node counts as out for those that are planned or carried out later.
  if (mayWrite && isCordon(intent.action))
    reservations.reserve(intent.action.target.name, intent.executionId, Number.POSITIVE_INFINITY)
  const objection = (change: Change): Effect.Effect<Failure | undefined> =>
    cordons(intent, change) && mayWrite && !approved
      ? reservations.reading((reading) => cordonFailure(client, reading, intent, settings.maximumNodesOut))
      : Effect.undefined
  const carryOutAll = makeCarryOutAll(client, settings, intent, options, objection)
  const planned = yield* carryOutAll(intent.changes)
  const isDrain = intent.action.type === "DrainNode" && intent.changes.length > 0 && mayWrite
  const after =
    planned.stop === undefined && isDrain
      ? yield* evictArrivals(client, settings, intent, carryOutAll)
      : { ...planned, applied: "no" as const, evicted: [] }
  const applied = either(planned.applied, after.applied)
  const outcome =
    after.stop === undefined
      ? yield* outcomeOf(intent, applied, undefined, messageOf(intent, applied, after.evicted))
      : yield* outcomeOf(intent, applied, after.stop)
  return planned.created.length === 0 ? outcome : { ...outcome, created: planned.created }
})
