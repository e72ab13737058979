import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { select } from "../../../src/domain/ChangeQuery.ts"
import type { ObjectChange } from "../../../src/domain/ObjectChange.ts"
import { ChangeStore } from "../../../src/storage/ChangeStore.ts"
import * as Storage from "../../../src/storage/Storage.ts"
import { at, modified, ref } from "../../changes/scenes.ts"

const record = (changes: ReadonlyArray<ObjectChange>) =>
  Effect.flatMap(ChangeStore, (store) =>
    store.record(changes.map((change) => ({ change, ref: change.ref, snapshot: undefined })))
  )

const kept = { inAll: 50_000, perObject: 100, before: at(-7 * 86_400) }
const prune = (retention: Partial<typeof kept>) =>
  Effect.flatMap(ChangeStore, (store) => store.prune({ ...kept, ...retention }))
const gaps = (since = at(-3600)) => Effect.flatMap(ChangeStore, (store) => store.gaps(["Service", "Ingress"], since))

describe("the change store on SQLite", () => {
  it.effect("continues a list after a place, within one second too, and filters by kind and namespace", () =>
    Effect.gen(function* () {
      const store = yield* ChangeStore
      const services = Array.from({ length: 5 }, (_, index) => modified(ref("Service", `s${index}`), -12, ["spec"]))
      const others = [
        modified(ref("Ingress", "web"), -12, ["spec"]),
        modified(ref("Service", "far", "far"), -12, ["spec"])
      ]
      yield* record([...services, ...others])
      const first = yield* store.list({ kinds: ["Service"], namespace: "shop", limit: 2 })
      const rest = yield* store.list({ kinds: ["Service"], namespace: "shop", limit: 9, after: first[1]! })
      assert.deepStrictEqual(
        [...first, ...rest].map(({ ref }) => ref.name),
        ["s4", "s3", "s2", "s1", "s0"]
      )
      const ofOne = yield* store.list({ refs: [services[0]!.ref], after: first[1]!, limit: 9 })
      assert.deepStrictEqual(
        ofOne.map(({ id }) => id),
        [services[0]!.id]
      )
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("lists what the query selects, whatever its conditions are", () =>
    Effect.gen(function* () {
      const store = yield* ChangeStore
      const refs = ["Service", "ConfigMap", "Node", "AuthorizationPolicy"].flatMap((kind) =>
        ["", "shop", "far"].map((namespace) => ref(kind, "a", namespace))
      )
      const changes = refs.flatMap((each) => [-30, -20, -20, -10].map((seconds) => modified(each, seconds, ["spec"])))
      yield* record(changes)
      for (const kinds of [undefined, [], ["Service"], ["ConfigMap", "AuthorizationPolicy"]])
        for (const namespace of [undefined, "", "shop", "nowhere"])
          for (const some of [undefined, refs.slice(0, 5)])
            for (const limit of [3, 100])
              for (const after of [undefined, changes[10]!]) {
                const query = {
                  limit,
                  since: at(-25),
                  until: at(-15),
                  ...(kinds === undefined ? {} : { kinds }),
                  ...(namespace === undefined ? {} : { namespace }),
                  ...(some === undefined ? {} : { refs: some }),
                  ...(after === undefined ? {} : { after })
                }
                assert.deepStrictEqual(yield* store.list(query), select(query, changes), JSON.stringify(query))
              }
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("calls no interval of an object quiet in which it had more changes than are kept", () =>
    Effect.gen(function* () {
      const change = (seconds: number) => modified(ref("Service", "busy"), seconds, ["spec"])
      const calm = modified(ref("Service", "calm"), -450, ["spec"])
      yield* record([change(-600), change(-500), calm, change(-400), change(-300)])
      const object = ref("Service", "busy")
      const dropped = (to: string) => [{ kind: "Service", object, from: null, to, reason: "dropped" as const }]
      yield* prune({ perObject: 3 })
      assert.deepStrictEqual(yield* gaps(), dropped(at(-600)))
      yield* prune({ perObject: 2 })
      yield* prune({ perObject: 2 })
      assert.deepStrictEqual(yield* gaps(), dropped(at(-500)))
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("calls no interval quiet whose changes it has dropped, for their age or for their number", () =>
    Effect.gen(function* () {
      const change = (seconds: number) => modified(ref("Service", `s${seconds}`), seconds, ["spec"])
      yield* record([change(-600), change(-500), change(-400), change(-300)])
      yield* prune({})
      assert.deepStrictEqual(yield* gaps(), [])
      yield* prune({ inAll: 2 })
      const dropped = (to: string) =>
        ["Service", "Ingress"].map((kind) => ({ kind, from: null, to, reason: "dropped" as const }))
      assert.deepStrictEqual(yield* gaps(), dropped(at(-500)))
      assert.deepStrictEqual(yield* gaps(at(-450)), [])
      yield* prune({ before: at(-350) })
      assert.deepStrictEqual(yield* gaps(), dropped(at(-350)))
      // What was dropped stays unknown, also after a run that drops nothing.
      yield* prune({})
      assert.deepStrictEqual(yield* gaps(), dropped(at(-350)))
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})
