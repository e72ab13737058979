/**
 * The supervisor of the long-lived children: the sweep that finds open work, the degradation fiber, the report of
 * cordons that are left, the checks of the database, and the watcher of changes, where their layers are there.
 */

import { Context, Effect, Layer, Option } from "effect"
import { ChangeWatcher } from "../changes/ChangeWatcher.ts"
import { Degradation } from "../health/Degradation.ts"
import { KubernetesClient } from "../kubernetes/KubernetesClient.ts"
import * as Supervisor from "../resilience/supervision/Supervisor.ts"
import { RemediationStore } from "../storage/RemediationStore.ts"
import { StorageHealth } from "../storage/StorageHealth.ts"
import * as LeftCordons from "./LeftCordons.ts"
import { RemediationActors } from "./RemediationActors.ts"

export class Supervised extends Context.Service<Supervised, Supervisor.Supervisor>()(
  "kubernaut/remediation/Supervised"
) {}

/** How long a child that was restarted too often stays down. */
const restartAfter = "30 seconds"

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
        ...Option.match(changes, {
          onNone: () => [],
          onSome: ({ run }) => [{ name: "changes", start: run }]
        })
      ]
    )
    return supervisor
  })
)
