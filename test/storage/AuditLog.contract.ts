/** What every implementation of `AuditLog` keeps to. A part of `RemediationStore.contract`. */

import { assert, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import type { ActionHistory } from "../../src/storage/ActionHistory.ts"
import { AuditLog } from "../../src/storage/AuditLog.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import type { StorageError } from "../../src/storage/StorageError.ts"
import { decided, deployment, minute, newAlert, remediationId, started, take } from "./Incident.ts"

type StorageLayer = Layer.Layer<RemediationStore | ActionHistory | AuditLog, StorageError>

const checkout = deployment("checkout")
const answer = { answer: "approved", by: "ann", at: minute(5) } as const

export const auditing = (layer: StorageLayer): void => {
  it.effect("every event has its line, with who did it; other lines share the chain", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const audit = yield* AuditLog
      yield* store.accept([newAlert("1", "f", checkout)], minute(0))
      yield* audit.record({
        actor: "ann",
        kind: "breaker.isolated",
        subject: "holmesgpt",
        data: { reason: "maintenance" }
      })
      const { claim, remediation } = yield* take(checkout)
      yield* store.append(claim, remediation, [started, decided(checkout, "review")], minute(1))
      yield* store.review(remediationId("1"), answer, minute(5))
      const lines = yield* audit.read(0, 100)
      assert.deepStrictEqual(
        lines.map((line) => [line.sequence, line.kind, line.actor]),
        [
          [1, "remediation.Accepted", "kubernaut"],
          [2, "breaker.isolated", "ann"],
          [3, "remediation.Started", "kubernaut"],
          [4, "remediation.Decided", "kubernaut"],
          [5, "remediation.Reviewed", "ann"]
        ]
      )
      assert.deepStrictEqual(lines[0]?.subject, remediationId("1"))
      assert.deepStrictEqual(yield* audit.read(3, 1), lines.slice(3, 4))
      assert.isUndefined(yield* audit.verify)
    }).pipe(Effect.provide(layer))
  )
}
