/** The contract of `AuditLog`, part of `RemediationStore.contract`. */

import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { AuditLog } from "../../src/storage/AuditLog.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import { approval, decided, deployment, minute, newAlert, remediationId, started, take } from "./Incident.ts"
import type { StorageLayer } from "./StorageLayer.ts"

const checkout = deployment("checkout")

export const auditing = (layer: StorageLayer): void => {
  it.effect("every event has an audit line with its actor, in one chain with all other lines", () =>
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
      yield* store.review(remediationId("1"), approval, minute(5))
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
