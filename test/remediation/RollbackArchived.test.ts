/** A request to roll back what only the archive has. */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { RemediationState } from "../../src/domain/Remediation.ts"
import { RollbackExecutor } from "../../src/execution/RollbackExecutor.ts"
import { RemediationActors } from "../../src/remediation/RemediationActors.ts"
import * as RollbackRequests from "../../src/remediation/RollbackRequests.ts"
import { ActionHistory } from "../../src/storage/ActionHistory.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import { remediationId } from "../storage/Incident.ts"

const requested = (state: RemediationState | undefined) =>
  Effect.flatMap(RollbackRequests.RollbackRequests, (requests) =>
    Effect.flip(requests.request(remediationId("old"), { by: "ada" }))
  ).pipe(
    Effect.provide(
      RollbackRequests.layer("auto").pipe(
        Layer.provide([
          Layer.mock(RemediationStore)({
            get: () => Effect.succeedNone,
            archivedIn: () => Effect.succeedSome({ file: "remediations-000001.jsonl.gz", ...(state && { state }) })
          }),
          Layer.mock(ActionHistory)({}),
          Layer.mock(RemediationActors)({}),
          Layer.mock(RollbackExecutor)({})
        ])
      )
    )
  )

describe("a rollback of an archived remediation", () => {
  it.effect("is refused as archived, and the refusal says how it has ended and which file has its inverse", () =>
    Effect.gen(function* () {
      for (const [state, said] of [
        ["Escalated", /has ended as Escalated and is archived: the file remediations-000001\.jsonl\.gz/],
        [undefined, /has ended and is archived: the file remediations-000001\.jsonl\.gz/]
      ] as const) {
        const refusal = yield* requested(state)
        if (refusal._tag !== "NotRollbackable") return assert.fail(refusal._tag)
        assert.strictEqual(refusal.code, "archived")
        assert.match(refusal.detail, said)
      }
    })
  )
})
