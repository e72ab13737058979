/** What changed: the journal of changes, and the search for suspects. */

import { Effect, Layer, Option } from "effect"
import { ChangeJournal } from "../changes/ChangeJournal.ts"
import * as ChangeWatcher from "../changes/ChangeWatcher.ts"
import * as SuspectFinder from "../changes/SuspectFinder.ts"
import type { KubernautOptions } from "../KubernautOptions.ts"
import type { KubernetesClient } from "../kubernetes/KubernetesClient.ts"
import { ChangeStore } from "../storage/ChangeStore.ts"

/**
 * The change journal, and the client that notes what this service deletes. Nothing by default, and where the storage
 * has no place for changes: then nobody asks what changed.
 */
export const changes = ({ changes }: KubernautOptions<unknown, unknown>) =>
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

/** Finds suspects where changes are recorded. Without a journal of changes, nothing is said about them. */
export const suspects = Layer.unwrap(
  Effect.map(
    Effect.serviceOption(ChangeJournal),
    Option.match({
      onNone: () => Layer.empty,
      onSome: (journal) => Layer.provide(SuspectFinder.layer, Layer.succeed(ChangeJournal, journal))
    })
  )
)
