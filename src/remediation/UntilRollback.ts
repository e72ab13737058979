/** Ends the verification of an action when a person asks to undo it. */

import { Effect, type Latch, Option } from "effect"
import type { Remediation } from "../domain/Remediation.ts"
import { RemediationStore } from "../storage/RemediationStore.ts"
import type { StorageError } from "../storage/StorageError.ts"

/**
 * Waits until a rollback is requested that is not known to `self`, and returns the remediation. `wake` opens when
 * another party journaled something.
 */
export type RollbackAsked = (self: Remediation, wake: Latch.Latch) => Effect.Effect<Remediation, StorageError>

export const make = Effect.map(RemediationStore, (store): RollbackAsked =>
  Effect.fnUntraced(function* (self, wake) {
    while (true) {
      yield* wake.await
      yield* wake.close
      const now = yield* store.get(self.id)
      if (Option.isSome(now) && now.value.rollback?.requestedAt !== self.rollback?.requestedAt) return now.value
    }
  })
)
