/**
 * Alertmanager resolves an alert whose `endsAt` passes before Prometheus sends it again, and then fires it again with
 * the same `startsAt`.
 */

import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Webhook } from "../../src/intake/AlertmanagerWebhook.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"

const webhook = (name: string) =>
  Schema.decodeUnknownSync(Webhook)(
    JSON.parse(readFileSync(join(import.meta.dirname, "fires-again-is-swallowed", `${name}.json`), "utf8"))
  )

const service = Kubernaut.layer({ cluster: "test", mode: "auto" }).pipe(
  Layer.provideMerge(Layer.mergeAll(Sandbox.layer(), Storage.layerMemory))
)

/** Posts a webhook with one alert, and returns the result and the remediation once there is nothing to do. */
const post = Effect.fnUntraced(function* (name: string) {
  const kubernaut = yield* Kubernaut.Kubernaut
  const store = yield* RemediationStore
  const { results } = yield* kubernaut.receive(webhook(name))
  yield* TestClock.adjust("1 minute")
  const { remediationId, status } = results[0]!
  return { status, remediation: Option.getOrThrow(yield* store.get(remediationId!)) }
})

describe("an alert that fires again with the same startsAt", () => {
  it.effect("is worked again, after its resolution and after its remediation ended", () =>
    Effect.gen(function* () {
      const first = yield* post("firing")
      assert.strictEqual(first.status, "accepted")
      assert.strictEqual((yield* post("resolved")).remediation.id, first.remediation.id)
      const again = yield* post("firing")
      assert.strictEqual(again.status, "accepted")
      assert.notStrictEqual(again.remediation.id, first.remediation.id)
      assert.isTrue(again.remediation.investigated)
      assert.strictEqual((yield* post("firing")).status, "duplicate")
    }).pipe(Effect.provide(service))
  )

  it.effect("is worked again if it resolved before anything was done", () =>
    Effect.gen(function* () {
      const kubernaut = yield* Kubernaut.Kubernaut
      const store = yield* RemediationStore
      yield* kubernaut.receive(webhook("firing"))
      yield* kubernaut.receive(webhook("resolved"))
      const { results } = yield* kubernaut.receive(webhook("firing"))
      yield* TestClock.adjust("1 minute")
      // It joined the first remediation, which was cancelled, and then took over.
      const { items } = yield* store.list({ limit: 10 })
      assert.deepStrictEqual(
        items.map(({ state }) => state),
        ["Escalated", "Joined", "Cancelled"]
      )
      const work = Option.getOrThrow(yield* store.get(items[0]!.id))
      assert.strictEqual(work.continues, results[0]!.remediationId)
    }).pipe(Effect.provide(service))
  )
})
