/** Ends work on an alert when the alert resolves. */

import { Effect, type Latch, Option } from "effect"
import type { Remediation } from "../domain/Remediation.ts"
import { RemediationStore } from "../storage/RemediationStore.ts"
import type { StorageError } from "../storage/StorageError.ts"

/**
 * Waits until the alert has resolved, and returns the remediation. `wake` opens when another party journaled something.
 */
export type Resolved = (self: Remediation, wake: Latch.Latch) => Effect.Effect<Remediation, StorageError>

export const make = Effect.map(RemediationStore, (store): Resolved =>
  Effect.fnUntraced(function* (self, wake) {
    while (true) {
      yield* wake.await
      yield* wake.close
      const now = yield* store.get(self.id)
      if (Option.isSome(now) && now.value.alertResolvedAt !== undefined) return now.value
    }
  })
)
