/**
 * The whole service without its edges: everything between a webhook and a verified remediation, as one layer.
 *
 * **When to use**
 *
 * To embed Kubernaut in a program of your own. You provide a cluster (`Sandbox.layer`, `ClientNode.layer`) and a
 * database (`Storage.layerSqlite`, `Storage.layerMemory`), and name the investigators to try before the rules. The
 * command `kubernaut serve` is this layer with settings, HTTP and telemetry around it, and the simulator runs the same
 * layer.
 *
 * **Details**
 *
 * The layer adds the pipeline in front of the cluster, one pipeline per investigator, evidence, the rules, the
 * degradation level, and supervision. Provide `FiringAlerts` below it to let verification query an Alertmanager.
 *
 * Building the layer starts supervised children: the sweep, which finds open work in the database, the degradation
 * fiber, and with the option `changes` the watcher that records what changes in the cluster. Closing its scope
 * interrupts every actor. The next process continues from the journal.
 *
 * **Errors**
 *
 * `OptionsError` lists every invalid option. `RulebookError` reports that the rulebook is missing from the
 * installation. `OtherClusterError` reports that the database belongs to another cluster. When the cluster does not
 * respond at start, the service starts, and writes nothing until the cluster's identity has been confirmed.
 */

import { Context, Deferred, Duration, Effect, Layer, Option } from "effect"
import { ChangeJournal } from "./changes/ChangeJournal.ts"
import * as ChangeWatcher from "./changes/ChangeWatcher.ts"
import * as SuspectFinder from "./changes/SuspectFinder.ts"
import { type GuardrailSettings, inForce, isProtected, removedProtection } from "./decision/GuardrailSettings.ts"
import { isFinal, type Remediation, type RemediationId } from "./domain/Remediation.ts"
import * as Executor from "./execution/Executor.ts"
import * as RollbackExecutor from "./execution/RollbackExecutor.ts"
import * as Degradation from "./health/Degradation.ts"
import type { Probed } from "./health/Probes.ts"
import type { Webhook } from "./intake/AlertmanagerWebhook.ts"
import * as Intake from "./intake/Intake.ts"
import * as EvidenceGatherer from "./investigation/evidence/EvidenceGatherer.ts"
import { redact } from "./investigation/evidence/Redaction.ts"
import { InvestigationChain, make as makeChain } from "./investigation/InvestigationChain.ts"
import * as Rulebook from "./investigation/rules/Rulebook.ts"
import * as RuleInvestigator from "./investigation/rules/RuleInvestigator.ts"
import {
  checkInvestigators,
  checkOptions,
  type KubernautOptions,
  named,
  type OptionsError
} from "./KubernautOptions.ts"
import * as ClusterIdentity from "./kubernetes/ClusterIdentity.ts"
import { KubernetesClient } from "./kubernetes/KubernetesClient.ts"
import * as OwnerResolver from "./kubernetes/OwnerResolver.ts"
import * as ResilientClient from "./kubernetes/ResilientClient.ts"
import * as RemediationActors from "./remediation/RemediationActors.ts"
import * as RemediationEvents from "./remediation/RemediationEvents.ts"
import * as Reviews from "./remediation/Reviews.ts"
import * as RollbackRequests from "./remediation/RollbackRequests.ts"
import * as Supervised from "./remediation/Supervised.ts"
import { Bulkhead } from "./resilience/pipeline/Bulkhead.ts"
import {
  defaultDeadline,
  make as makePipeline,
  type Options as PipelineOptions,
  type Pipeline
} from "./resilience/pipeline/Pipeline.ts"
import * as ResilienceEvent from "./resilience/ResilienceEvent.ts"
import { ActionHistory } from "./storage/ActionHistory.ts"
import { ChangeStore } from "./storage/ChangeStore.ts"
import { ClusterBinding } from "./storage/ClusterBinding.ts"
import type { Doubts } from "./storage/Doubts.ts"
import { RemediationStore } from "./storage/RemediationStore.ts"
import { StandingOrders } from "./storage/StandingOrders.ts"
import type { StorageError } from "./storage/StorageError.ts"
import * as FiringAlerts from "./verification/FiringAlerts.ts"
import * as Verifier from "./verification/Verifier.ts"

export { type KubernautOptions as Options, OptionsError } from "./KubernautOptions.ts"

/** The service as an embedding program uses it. */
export class Kubernaut extends Context.Service<
  Kubernaut,
  {
    /** Accepts one Alertmanager webhook. Returns after the commit. */
    readonly receive: (webhook: Webhook) => Effect.Effect<Intake.Receipt, StorageError>
    /** The remediation as it is now. */
    readonly get: (id: RemediationId) => Effect.Effect<Option.Option<Remediation>, StorageError>
    /**
     * Waits until the remediation is final or waits for a person. Returns `None` immediately if there is no such
     * remediation.
     */
    readonly settled: (id: RemediationId) => Effect.Effect<Option.Option<Remediation>, StorageError>
  }
>()("kubernaut/Kubernaut") {}

/**
 * The pipeline in front of the cluster's API server. Status pages and operators read and override its circuit breaker
 * and bulkhead.
 */
export class ClusterPipeline extends Context.Service<ClusterPipeline, Pipeline>()(
  "kubernaut/Kubernaut/ClusterPipeline"
) {}

/** The services that an embedder provides: a cluster, and a database from one of the layers of `Storage`. */
export type Ports = KubernetesClient | RemediationStore | ActionHistory | ClusterBinding | Doubts | StandingOrders

/** Parts of the service that a program may use directly. `KubernetesClient` is the one behind the pipeline. */
export type Parts =
  | ClusterPipeline
  | ClusterIdentity.ClusterIdentity
  | Degradation.Degradation
  | Intake.Intake
  | InvestigationChain
  | KubernetesClient
  | RemediationActors.RemediationActors
  | RemediationEvents.RemediationEvents
  | Reviews.Reviews
  | RollbackRequests.RollbackRequests
  | Supervised.Supervised

/** The investigators in order, then the rules. Each tier except the rules is behind its own pipeline. */
const chain = <E, R>({ investigation, investigators = [], rules }: KubernautOptions<E, R>) =>
  Layer.effect(
    InvestigationChain,
    Effect.gen(function* () {
      const history = yield* ActionHistory
      const front = yield* checkInvestigators(Effect.isEffect(investigators) ? yield* investigators : investigators)
      const last = RuleInvestigator.make({
        rules: rules ?? (yield* Rulebook.standard).rules,
        // Rules work without the database: a record that cannot be read counts as no record.
        recordOf: (alertName, action, since) =>
          Effect.orElseSucceed(history.recordOf(alertName, action, since), () => undefined)
      })
      const evidence = yield* EvidenceGatherer.make({ heldUp: heldUp(yield* ClusterPipeline) })
      return yield* named("investigation")(makeChain({ ...investigation, investigators: [...front, last], evidence }))
    })
  )

/** Whether requests to the cluster wait for a permit, or for probes of an open breaker. */
const heldUp = ({ bulkhead, circuitBreaker }: Pipeline): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    const { _tag } = circuitBreaker === undefined ? { _tag: "Closed" } : yield* circuitBreaker.state
    return (
      (_tag !== "Closed" && _tag !== "ForcedClosed") || (bulkhead !== undefined && (yield* bulkhead.state).waiting > 0)
    )
  })

/** A probe of the API server outside of the breaker, which admits and counts it. */
class ClusterProbe extends Context.Service<ClusterProbe, Probed>()("kubernaut/Kubernaut/ClusterProbe") {}

/** How long a probe of the API server may take. */
const probeTimeout = "5 seconds"

const probeOf = (client: KubernetesClient["Service"], pipeline: Pipeline): Probed => {
  const probe = Effect.timeout(client.probe, probeTimeout).pipe(
    Effect.mapError((error) => ({
      countsAsFailure: error._tag === "TimeoutError" || ResilientClient.classify(error).breaker === "failure"
    }))
  )
  const { bulkhead, circuitBreaker, name } = pipeline
  const permitted =
    bulkhead === undefined
      ? probe
      : Effect.catchTag(bulkhead.withPermit(probe), "BulkheadFull", () => Effect.fail({ countsAsFailure: false }))
  return { service: name, probe: permitted, ...(circuitBreaker === undefined ? {} : { circuitBreaker }) }
}

/**
 * The bulkhead of the cluster. Every request of every actor finds a place in its queue, so that no request is turned
 * away because there are many. One that has waited for half of its deadline is sent again by `ResilientClient`: a
 * deadline that passes in the queue would look like an API server that does not respond.
 */
const clusterBulkhead = ({ actors, kubernetes }: KubernautOptions<unknown, unknown>): PipelineOptions["bulkhead"] => {
  const given = kubernetes?.bulkhead
  if (given === false || given instanceof Bulkhead) return given
  const requestsOfAnActor = 16
  const deadline = kubernetes?.deadline === false ? undefined : kubernetes?.deadline
  return {
    maxWaiting: (actors?.concurrency ?? RemediationActors.defaultConcurrency) * requestsOfAnActor,
    maxWait: Duration.times(Duration.fromInputUnsafe(deadline ?? defaultDeadline), 0.5),
    ...given
  }
}

/** The client that an embedder provides, behind a pipeline, and bound to the cluster that the database belongs to. */
const cluster = (options: KubernautOptions<unknown, unknown>) =>
  Layer.effectContext(
    Effect.gen(function* () {
      const bulkhead = clusterBulkhead(options)
      const pipeline = yield* named("kubernetes")(
        makePipeline("kubernetes", { ...options.kubernetes, ...(bulkhead === undefined ? {} : { bulkhead }) })
      )
      const direct = yield* KubernetesClient
      const { bind } = yield* ClusterBinding
      const { client, confirmAtStart, identity } = ClusterIdentity.guard(ResilientClient.wrap(direct, pipeline), bind)
      yield* confirmAtStart(direct)
      return Context.make(ClusterPipeline, pipeline).pipe(
        Context.add(KubernetesClient, client),
        Context.add(ClusterProbe, probeOf(direct, pipeline)),
        Context.add(ClusterIdentity.ClusterIdentity, identity)
      )
    })
  )

/**
 * The change journal, and the client that notes what this service deletes. Nothing by default, and where the storage
 * has no place for changes: then nobody asks what changed.
 */
const changes = ({ changes }: KubernautOptions<unknown, unknown>) =>
  Layer.unwrap(
    Effect.map(
      Effect.serviceOption(ChangeStore),
      // Its services are optional for those who use them.
      (store): Layer.Layer<never, never, KubernetesClient> =>
        changes === undefined || changes === false || Option.isNone(store)
          ? Layer.empty
          : Layer.fresh(Layer.provide(ChangeWatcher.layer(changes), Layer.succeed(ChangeStore, store.value)))
    )
  )

/** The degradation level, and the probes. */
const degradation = ({ allAiDown = "rules" }: KubernautOptions<unknown, unknown>) =>
  Layer.unwrap(
    Effect.map(Effect.all([InvestigationChain, ClusterProbe, StandingOrders]), ([{ tiers }, probe, { current }]) => {
      const declared = Effect.orElseSucceed(current("emergency"), () => undefined)
      return Degradation.layer({ tiers, others: [probe], declared, allAiDown })
    })
  )

/** Says which protection the options remove, so that nobody has to find out from what was written. */
const logRemoved = (guardrails: GuardrailSettings) =>
  Effect.suspend(() => {
    const { managers, namespaces } = removedProtection(guardrails)
    return managers.length + namespaces.length === 0
      ? Effect.void
      : Effect.logWarning("The guardrails remove protection that is there by default", {
          ...(namespaces.length === 0 ? {} : { namespaces: namespaces.join(", ") }),
          ...(managers.length === 0 ? {} : { managers: managers.join(", ") })
        })
  })

/** A rollback has the limits of an execution. */
const rollbackOptions = ({
  attempts,
  intentLifetime,
  readBackDelay
}: Executor.ExecutorOptions = {}): RollbackExecutor.RollbackOptions => ({
  ...(attempts === undefined ? {} : { attempts }),
  ...(intentLifetime === undefined ? {} : { intentLifetime }),
  ...(readBackDelay === undefined ? {} : { readBackDelay })
})

/** Finds suspects where changes are recorded. Without a journal of changes, nothing is said about them. */
const suspects = Layer.unwrap(
  Effect.map(
    Effect.serviceOption(ChangeJournal),
    Option.match({
      onNone: () => Layer.empty,
      onSome: (journal) => Layer.provide(SuspectFinder.layer, Layer.succeed(ChangeJournal, journal))
    })
  )
)

const actors = ({
  actors,
  cluster,
  execution,
  guardrails: given,
  mode,
  rollback,
  verification
}: KubernautOptions<unknown, unknown>) => {
  const guardrails = inForce(given)
  const { maximumNodesOut, maximumScaleFactor, removableKinds } = guardrails
  const inMode = mode ?? "observe"
  return Layer.mergeAll(Reviews.layer(actors), RollbackRequests.layer(inMode)).pipe(
    Layer.provideMerge(RemediationActors.layerLocal({ ...actors, cluster, mode: inMode, guardrails })),
    Layer.provideMerge(Layer.effectDiscard(logRemoved(guardrails))),
    Layer.provide([
      OwnerResolver.layer(),
      suspects,
      Executor.layer({
        redact,
        maximumNodesOut,
        maximumScaleFactor,
        removableKinds,
        isProtectedNamespace: (namespace) => isProtected(namespace, guardrails),
        ...execution
      }),
      RollbackExecutor.layer({ ...rollbackOptions(execution), ...rollback }),
      Verifier.layer(verification),
      // An embedder that has an Alertmanager provides the service.
      Layer.unwrap(
        Effect.map(
          Effect.serviceOption(FiringAlerts.FiringAlerts),
          Option.match({
            onNone: () => FiringAlerts.layerNone,
            onSome: (service) => Layer.succeed(FiringAlerts.FiringAlerts, service)
          })
        )
      )
    ])
  )
}

const intake = ({ cluster, intake }: KubernautOptions<unknown, unknown>) =>
  Layer.unwrap(
    Effect.map(RemediationActors.RemediationActors, ({ fire }) =>
      Intake.layer({
        ...intake,
        cluster,
        onAccepted: (targets, severities) =>
          Effect.forEach(targets, (target) => fire(target, severities.get(target)), { discard: true })
      })
    )
  )

const kubernaut = Layer.effect(
  Kubernaut,
  Effect.gen(function* () {
    const intake = yield* Intake.Intake
    const store = yield* RemediationStore
    const events = yield* RemediationEvents.RemediationEvents
    const isSettled = (remediation: Remediation) => isFinal(remediation.state) || remediation.state === "AwaitingReview"
    return {
      receive: (webhook) => intake.receive(webhook),
      get: store.get,
      settled: (id) =>
        Effect.scoped(
          Effect.gen(function* () {
            // Listens before it reads, so that a remediation that settles in between is not missed.
            const settled = yield* Deferred.make<Remediation>()
            yield* events.listen(({ remediation }) => {
              if (remediation.id === id && isSettled(remediation))
                Deferred.doneUnsafe(settled, Effect.succeed(remediation))
            })
            const now = yield* store.get(id)
            return Option.isNone(now) || isSettled(now.value) ? now : Option.some(yield* Deferred.await(settled))
          })
        )
    }
  })
)

/**
 * The service. The command `kubernaut serve`, the simulator and embedders all build it here.
 *
 * **Example** (an investigator of your own in front of the rules)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { InvestigationChain, Investigator, Kubernaut, Sandbox, Storage } from "kubernaut"
 *
 * const runbook: Investigator.Investigator = {
 *   name: "custom",
 *   provider: "runbook",
 *   investigate: () =>
 *     Effect.fail(
 *       new Investigator.InvestigatorError({
 *         investigator: "custom",
 *         reason: { _tag: "Unavailable" },
 *         retryable: true,
 *         countsAsFailure: true
 *       })
 *     )
 * }
 *
 * const service = Kubernaut.layer({ cluster: "dev", mode: "auto", investigators: [runbook] }).pipe(
 *   Layer.provide([Sandbox.layer(), Storage.layerMemory])
 * )
 *
 * const program = Effect.map(InvestigationChain.InvestigationChain, ({ tiers }) =>
 *   tiers.map((tier) => tier.service)
 * )
 * await Effect.runPromise(Effect.provide(program, service)) // => ["custom:runbook", "rules"]
 * ```
 */
export const layer = <E = never, R = never>(
  options: KubernautOptions<E, R>
): Layer.Layer<
  Kubernaut | Parts,
  E | OptionsError | Rulebook.RulebookError | ClusterIdentity.OtherClusterError,
  Ports | R
> => Layer.unwrap(Effect.map(checkOptions(options), assemble))

/**
 * Builds the parts from checked options. Effect builds a layer once for each time that it occurs by reference in a
 * program. `fresh` gives each Kubernaut of a program its own parts: with shared ones, an alert for one cluster would be
 * handled on another.
 */
const assemble = <E, R>(options: KubernautOptions<E, R>) =>
  Layer.fresh(kubernaut).pipe(
    Layer.provideMerge(Layer.mergeAll(intake(options), Layer.fresh(Supervised.layer))),
    Layer.provideMerge(actors(options)),
    Layer.provideMerge(degradation(options)),
    Layer.provideMerge(Layer.mergeAll(Layer.fresh(RemediationEvents.layer), chain(options))),
    Layer.provideMerge(changes(options)),
    Layer.provideMerge(cluster(options)),
    Layer.provideMerge(Layer.fresh(ResilienceEvent.layer))
  )
