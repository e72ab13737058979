import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Change, PatchOperation } from "../../src/domain/Change.ts"
import { dryRun } from "../../src/execution/DryRun.ts"
import { KubernetesClient, KubernetesError } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"

const ref = { namespace: "shop", kind: "Deployment", name: "checkout" }
const missing: PatchOperation = { op: "replace", path: "/spec/minReadySeconds", value: 5 }

/** A patch that was planned on the Deployment as it is now. */
const planned = (operation: PatchOperation) =>
  Effect.gen(function* () {
    const client = yield* KubernetesClient
    const { metadata } = yield* client.get(ref)
    const change: Change = {
      _tag: "Patch",
      ref,
      patch: [{ op: "replace", path: "/metadata/resourceVersion", value: metadata.resourceVersion }, operation]
    }
    return { client, change }
  })

const reasonOf = (effect: ReturnType<typeof dryRun>) => Effect.map(Effect.flip(effect), ({ reason }) => reason._tag)

describe("a dry run of a patch that the API server cannot apply", () => {
  it.effect("is a conflict if somebody has changed the object since", () =>
    Effect.gen(function* () {
      const { change, client } = yield* planned(missing)
      const touched: PatchOperation = { op: "add", path: "/metadata/labels/touched", value: "yes" }
      yield* client.apply({ _tag: "Patch", ref, patch: [touched] })
      assert.strictEqual(yield* reasonOf(dryRun(client, change)), "Conflict")
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("is invalid for the object that it was planned on", () =>
    Effect.gen(function* () {
      const { change, client } = yield* planned(missing)
      assert.strictEqual(yield* reasonOf(dryRun(client, change)), "Invalid")
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("is invalid if the object cannot be read again", () =>
    Effect.gen(function* () {
      const { change, client } = yield* planned(missing)
      const down = new KubernetesError({
        reason: { _tag: "Unavailable" },
        operation: "get Deployment shop/checkout",
        applied: "no",
        retryable: true
      })
      assert.strictEqual(yield* reasonOf(dryRun({ ...client, get: () => Effect.fail(down) }, change)), "Invalid")
    }).pipe(Effect.provide(Sandbox.layer()))
  )
})
