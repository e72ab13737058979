/**
 * The whole service without its edges: everything between a webhook and a verified remediation, as one Layer.
 *
 * **When to use**
 *
 * To embed Kubernaut in a program of your own. The far ends are yours to give, each as a Layer: a cluster
 * (`Sandbox.layer`, `ClientNode.layer`), a database (`Storage.layerSqlite`, `Storage.layerMemory`) and the
 * investigators (`InvestigationChain.layer`). The command `kubernaut serve` is this layer with HTTP, configuration and
 * telemetry around it.
 *
 * **Details**
 *
 * Building the layer starts two supervised children: the sweep that takes up whatever work the database holds, and the
 * degradation fiber. Closing its scope stops every actor between two steps; the next process goes on from the journal.
 */

import { Context, Deferred, Effect, Layer, Option } from "effect"
import { defaults as defaultGuardrails, type GuardrailSettings } from "./decision/Guardrails.ts"
import { isFinal, type Remediation, type RemediationId } from "./domain/Remediation.ts"
import * as Executor from "./execution/Executor.ts"
import { Degradation } from "./health/DegradationFiber.ts"
import type { Webhook } from "./intake/AlertmanagerWebhook.ts"
import { Intake, type IntakeOptions, type Receipt } from "./intake/Intake.ts"
import { redact } from "./investigation/evidence/Redaction.ts"
import { InvestigationChain } from "./investigation/InvestigationChain.ts"
import type { KubernetesClient } from "./kubernetes/KubernetesClient.ts"
import * as OwnerResolver from "./kubernetes/OwnerResolver.ts"
import { RemediationActors, type LocalOptions } from "./remediation/RemediationActors.ts"
import { RemediationEvents } from "./remediation/RemediationEvents.ts"
import * as Supervisor from "./resilience/supervision/Supervisor.ts"
import type { ActionHistory } from "./storage/ActionHistory.ts"
import { RemediationStore } from "./storage/RemediationStore.ts"
import type { StorageError } from "./storage/StorageError.ts"
import * as FiringAlerts from "./verification/FiringAlerts.ts"
import * as Verifier from "./verification/Verifier.ts"

export interface KubernautOptions {
  /** Name of the cluster. It is part of every target, and so of the journal: do not change it lightly. */
  readonly cluster: string
  /** Default `observe`, which changes nothing: say `auto` where you mean it. */
  readonly mode?: LocalOptions["mode"]
  /** Default: `Guardrails.defaults`. */
  readonly guardrails?: GuardrailSettings
  readonly intake?: Omit<IntakeOptions, "cluster" | "onAccepted">
  readonly actors?: Omit<LocalOptions, "mode" | "guardrails">
  readonly execution?: Executor.ExecutorOptions
  readonly verification?: Verifier.VerifierOptions
}

/** What an embedder must bring. */
export type FarEnds = KubernetesClient | InvestigationChain | RemediationStore | ActionHistory

/** The parts that may be used directly as well. */
export type Parts = Intake | RemediationActors | RemediationEvents | Degradation | Supervised

/** How long a part that was restarted too often stays down. */
const comesBackAfter = "30 seconds"

/** The long-lived parts and how they are. */
export class Supervised extends Context.Service<Supervised, Supervisor.Supervisor>()("kubernaut/Kubernaut/Supervised") {
  static readonly layer: Layer.Layer<Supervised, never, RemediationActors | Degradation> = Layer.effect(
    Supervised,
    Effect.gen(function* () {
      const actors = yield* RemediationActors
      const degradation = yield* Degradation
      const supervisor: Supervisor.Supervisor = yield* Supervisor.make(
        {
          name: "kubernaut",
          // Neither part has a substitute, and what broke it may be over: a database that was away for a minute must
          // not leave alerts undone.
          onEscalation: ({ child }) =>
            Effect.andThen(
              Effect.sleep(comesBackAfter),
              Effect.suspend(() => supervisor.restart(child))
            )
        },
        [
          { name: "degradation", start: degradation.run },
          { name: "sweep", start: actors.sweep }
        ]
      )
      return supervisor
    })
  )
}

export class Kubernaut extends Context.Service<
  Kubernaut,
  {
    /** Takes in one Alertmanager webhook. Answers after the commit. */
    readonly receive: (webhook: Webhook) => Effect.Effect<Receipt, StorageError>
    readonly get: (id: RemediationId) => Effect.Effect<Option.Option<Remediation>, StorageError>
    /** The remediation when it is final, or waits for a person; `None` at once where there is no such remediation. */
    readonly settled: (id: RemediationId) => Effect.Effect<Option.Option<Remediation>, StorageError>
  }
>()("kubernaut/Kubernaut") {
  static readonly layer = (options: KubernautOptions): Layer.Layer<Kubernaut | Parts, never, FarEnds> =>
    Layer.effect(Kubernaut, make).pipe(
      Layer.provideMerge(Layer.mergeAll(intake(options), Supervised.layer)),
      Layer.provideMerge(actors(options)),
      Layer.provideMerge(
        Layer.mergeAll(
          RemediationEvents.layer,
          Layer.unwrap(Effect.map(InvestigationChain, ({ tiers }) => Degradation.layer({ tiers })))
        )
      )
    )
}

const actors = (options: KubernautOptions) =>
  RemediationActors.layerLocal({
    mode: options.mode ?? "observe",
    guardrails: options.guardrails ?? defaultGuardrails,
    ...options.actors
  }).pipe(
    Layer.provide([
      OwnerResolver.layer(),
      Executor.layer({ redact, ...options.execution }),
      Verifier.layer(options.verification),
      // An embedder that can ask an Alertmanager provides it below.
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

const intake = (options: KubernautOptions) =>
  Layer.unwrap(
    Effect.map(RemediationActors, ({ fire }) =>
      Intake.layer({
        ...options.intake,
        cluster: options.cluster,
        onAccepted: (targets) => Effect.forEach(targets, fire, { discard: true })
      })
    )
  )

const make = Effect.gen(function* () {
  const intake = yield* Intake
  const store = yield* RemediationStore
  const events = yield* RemediationEvents
  const isSettled = (remediation: Remediation) => isFinal(remediation.state) || remediation.state === "AwaitingReview"
  return Kubernaut.of({
    receive: (webhook) => intake.receive(webhook),
    get: store.get,
    settled: (id) =>
      Effect.scoped(
        Effect.gen(function* () {
          // Listening comes first: what settles between the two is then heard or read.
          const settled = yield* Deferred.make<Remediation>()
          yield* events.listen(({ remediation }) => {
            if (remediation.id === id && isSettled(remediation))
              Deferred.doneUnsafe(settled, Effect.succeed(remediation))
          })
          const now = yield* store.get(id)
          return Option.isNone(now) || isSettled(now.value) ? now : Option.some(yield* Deferred.await(settled))
        })
      )
  })
})
