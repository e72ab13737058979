/** The promises of `list` and `openTargets`. */

import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { targetKey } from "../../../src/domain/Target.ts"
import { RemediationStore } from "../../../src/storage/RemediationStore.ts"
import { deployment, minute, newAlert } from "../Incident.ts"
import type { StorageLayer } from "../StorageLayer.ts"

export const listing = (layer: StorageLayer): void => {
  it.effect("remediations are listed newest first, by state, page by page", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const alerts = [1, 2, 3, 4, 5].map((index) =>
        newAlert(`${index}`, `f${index}`, deployment(index === 3 ? "d2" : `d${index}`))
      )
      yield* store.accept(alerts, minute(0))
      const ids = (page: { readonly items: ReadonlyArray<{ readonly id: string }> }) =>
        page.items.map((item) => item.id)
      const first = yield* store.list({ limit: 2 })
      assert.deepStrictEqual(ids(first), ["rem-5", "rem-4"])
      const second = yield* store.list({ limit: 2, cursor: first.nextCursor ?? "" })
      assert.deepStrictEqual(ids(second), ["rem-3", "rem-2"])
      const third = yield* store.list({ limit: 2, cursor: second.nextCursor ?? "" })
      assert.deepStrictEqual(ids(third), ["rem-1"])
      assert.isUndefined(third.nextCursor)
      assert.deepStrictEqual(ids(yield* store.list({ state: "Joined", limit: 10 })), ["rem-3"])
      assert.deepStrictEqual(ids(yield* store.list({ state: "Received", limit: 1 })), ["rem-5"])
    }).pipe(Effect.provide(layer))
  )

  it.effect("targets with work are listed oldest first", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f1", deployment("z")), newAlert("2", "f2", deployment("a"))], minute(0))
      assert.deepStrictEqual(yield* store.openTargets, [targetKey(deployment("z")), targetKey(deployment("a"))])
    }).pipe(Effect.provide(layer))
  )

  it.effect("targets of critical alerts are listed before older ones of warnings and infos", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const given = ["none", "info", "warning", "critical", "warning", "critical"] as const
      const alerts = given.map((severity, index) => {
        const fresh = newAlert(`${index}`, `f${index}`, deployment(`d${index}`))
        return { ...fresh, alert: { ...fresh.alert, severity } }
      })
      yield* store.accept(alerts, minute(0))
      assert.deepStrictEqual(
        yield* store.openWork,
        [3, 5, 2, 4, 1, 0].map((index) => ({ target: targetKey(deployment(`d${index}`)), severity: given[index]! }))
      )
    }).pipe(Effect.provide(layer))
  )
}
