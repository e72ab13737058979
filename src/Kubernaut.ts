/**
 * The whole service without its edges: everything between a webhook and a verified remediation, as one layer.
 *
 * **When to use**
 *
 * To embed Kubernaut in a program of your own. You provide a cluster (`Sandbox.layer`, `ClientNode.layer`) and a
 * database (`Storage.layerSqlite`, `Storage.layerMemory`), and name the investigators to try before the rules. The
 * Provide `AlertSpool.layer` too, and alerts are accepted while the database is down. The command `kubernaut serve` is
 * this layer with settings, HTTP and telemetry around it, and the simulator runs the same layer.
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

import { Context, Deferred, Effect, Layer, Option } from "effect"
import { isFinal, type Remediation, type RemediationId } from "./domain/Remediation.ts"
import type * as Degradation from "./health/Degradation.ts"
import type * as HealthSupervisor from "./health/HealthSupervisor.ts"
import type { Webhook } from "./intake/AlertmanagerWebhook.ts"
import * as Intake from "./intake/Intake.ts"
import * as ReplaySpool from "./intake/ReplaySpool.ts"
import type { InvestigationChain } from "./investigation/InvestigationChain.ts"
import type * as Rulebook from "./investigation/rules/Rulebook.ts"
import type { SpendMeter } from "./investigation/spend/SpendMeter.ts"
import { checkOptions, type KubernautOptions, type OptionsError } from "./KubernautOptions.ts"
import type * as ClusterIdentity from "./kubernetes/ClusterIdentity.ts"
import type { KubernetesClient } from "./kubernetes/KubernetesClient.ts"
import * as RemediationActors from "./remediation/RemediationActors.ts"
import * as RemediationEvents from "./remediation/RemediationEvents.ts"
import type * as Reviews from "./remediation/Reviews.ts"
import type * as RollbackRequests from "./remediation/RollbackRequests.ts"
import * as Supervised from "./remediation/Supervised.ts"
import * as ResilienceEvent from "./resilience/ResilienceEvent.ts"
import type { ActionHistory } from "./storage/ActionHistory.ts"
import type { ClusterBinding } from "./storage/ClusterBinding.ts"
import type { Doubts } from "./storage/Doubts.ts"
import { RemediationStore } from "./storage/RemediationStore.ts"
import type { SpoolReplay } from "./storage/spool/SpoolReplay.ts"
import type { StandingOrders } from "./storage/StandingOrders.ts"
import type { StorageError } from "./storage/StorageError.ts"
import { changes } from "./wiring/ChangeParts.ts"
import type { ClusterPipeline } from "./wiring/ClusterParts.ts"
import { cluster } from "./wiring/ClusterParts.ts"
import { degradation, health } from "./wiring/HealthParts.ts"
import { chain } from "./wiring/InvestigationParts.ts"
import { notifications } from "./wiring/NotificationParts.ts"
import { pipelineCheck } from "./wiring/PipelineCheck.ts"
import { actors } from "./wiring/RemediationParts.ts"
import { spend } from "./wiring/SpendParts.ts"

export { ClusterPipeline } from "./wiring/ClusterParts.ts"
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

/** The services that an embedder provides: a cluster, and a database from one of the layers of `Storage`. */
export type Ports = KubernetesClient | RemediationStore | ActionHistory | ClusterBinding | Doubts | StandingOrders

/** Parts of the service that a program may use directly. `KubernetesClient` is the one behind the pipeline. */
export type Parts =
  | ClusterPipeline
  | ClusterIdentity.ClusterIdentity
  | Degradation.Degradation
  | HealthSupervisor.HealthSupervisor
  | Intake.Intake
  | InvestigationChain
  | KubernetesClient
  | RemediationActors.RemediationActors
  | RemediationEvents.RemediationEvents
  | Reviews.Reviews
  | SpendMeter
  | RollbackRequests.RollbackRequests
  | SpoolReplay
  | Supervised.Supervised

const intake = ({ cluster, intake }: KubernautOptions<unknown, unknown>) =>
  Layer.unwrap(
    Effect.map(RemediationActors.RemediationActors, ({ fire }) => {
      const onAccepted: Intake.IntakeOptions["onAccepted"] = (targets, severities) =>
        Effect.forEach(targets, (target) => fire(target, severities.get(target)), { discard: true })
      const { onReceived } = intake ?? {}
      return Layer.merge(
        Intake.layer({ ...intake, cluster, onAccepted }),
        ReplaySpool.layer({ onAccepted, ...(onReceived === undefined ? {} : { onReceived }) })
      )
    })
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
    Layer.provideMerge(Layer.fresh(Supervised.layer)),
    Layer.provideMerge(intake(options)),
    Layer.provideMerge(Layer.fresh(pipelineCheck(options))),
    Layer.provideMerge(actors(options)),
    Layer.provideMerge(notifications(options)),
    Layer.provideMerge(degradation(options)),
    Layer.provideMerge(Layer.fresh(health(options))),
    Layer.provideMerge(Layer.mergeAll(Layer.fresh(RemediationEvents.layer), chain(options))),
    Layer.provideMerge(Layer.fresh(spend(options))),
    Layer.provideMerge(changes(options)),
    Layer.provideMerge(cluster(options)),
    Layer.provideMerge(
      options.events === undefined
        ? Layer.fresh(ResilienceEvent.layer)
        : Layer.succeed(ResilienceEvent.ResilienceEvents, options.events)
    )
  )
