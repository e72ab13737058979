/**
 * The supervisor of the long-lived children: the sweep that finds open work, the degradation fiber, the health checks,
 * the report of cordons that are left, the checks of the database, the replay of the spool, the taking up of what was
 * held back, the watcher of changes, and the notifications, where their layers are there.
 */

import { Context, Effect, Layer, Option } from "effect"
import { ChangeWatcher } from "../changes/ChangeWatcher.ts"
import { Degradation } from "../health/Degradation.ts"
import { HealthSupervisor } from "../health/HealthSupervisor.ts"
import { InvestigationChain } from "../investigation/InvestigationChain.ts"
import { KubernetesClient } from "../kubernetes/KubernetesClient.ts"
import { Notifications } from "../notification/Notifications.ts"
import * as Supervisor from "../resilience/supervision/Supervisor.ts"
import { RemediationStore } from "../storage/RemediationStore.ts"
import { SpoolReplay } from "../storage/spool/SpoolReplay.ts"
import { StorageHealth } from "../storage/StorageHealth.ts"
import * as LeftCordons from "./LeftCordons.ts"
import { RemediationActors } from "./RemediationActors.ts"
import { TakeUp } from "./TakeUp.ts"

export class Supervised extends Context.Service<Supervised, Supervisor.Supervisor>()(
  "kubernaut/remediation/Supervised"
) {}

/** How long a child that was restarted too often stays down. */
const restartAfter = "30 seconds"

/** The child that runs a service, if it is there. */
const childOf = (name: string, service: Option.Option<{ readonly run: Effect.Effect<never> }>) =>
  Option.match(service, { onNone: () => [], onSome: ({ run }) => [{ name, start: run }] })

/** Starts the children. */
export const layer: Layer.Layer<Supervised, never, RemediationActors | Degradation> = Layer.effect(
  Supervised,
  Effect.gen(function* () {
    const actors = yield* RemediationActors
    const degradation = yield* Degradation
    const storage = yield* Effect.serviceOption(StorageHealth)
    const client = yield* Effect.serviceOption(KubernetesClient)
    const store = yield* Effect.serviceOption(RemediationStore)
    const changes = yield* Effect.serviceOption(ChangeWatcher)
    const chain = yield* Effect.serviceOption(InvestigationChain)
    const spool = yield* Effect.serviceOption(SpoolReplay)
    const takeUp = yield* Effect.serviceOption(TakeUp)
    const health = yield* Effect.serviceOption(HealthSupervisor)
    const notifications = yield* Effect.serviceOption(Notifications)
    const supervisor: Supervisor.Supervisor = yield* Supervisor.make(
      {
        name: "kubernaut",
        // No child has a substitute, and the failure may be temporary: a database outage of a minute must not
        // leave alerts unhandled forever.
        onEscalation: ({ child }) =>
          Effect.andThen(
            Effect.sleep(restartAfter),
            Effect.suspend(() => supervisor.restart(child))
          )
      },
      [
        { name: "degradation", start: degradation.run },
        { name: "sweep", start: actors.sweep },
        // An embedder's parts may lack a cluster.
        ...(Option.isSome(client) && Option.isSome(store)
          ? [
              {
                name: "cordons",
                start: LeftCordons.watch.pipe(
                  Effect.provideService(KubernetesClient, client.value),
                  Effect.provideService(RemediationStore, store.value)
                )
              }
            ]
          : []),
        ...Option.match(storage, {
          onNone: () => [],
          onSome: ({ watch }) => [{ name: "storage", start: watch }]
        }),
        ...childOf("health", health),
        ...Option.match(chain, {
          onNone: () => [],
          onSome: ({ watch }) => [{ name: "restoration", start: watch }]
        }),
        ...childOf("spool", spool),
        ...childOf("take-up", takeUp),
        ...childOf("changes", changes),
        ...Option.match(notifications, {
          onNone: () => [],
          // The heartbeat tells how the children are.
          onSome: ({ children }) => children(Effect.suspend(() => supervisor.status))
        })
      ]
    )
    return supervisor
  })
)
