import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { ObjectChange } from "../../src/domain/ObjectChange.ts"
import type { ResourceRef } from "../../src/domain/Target.ts"
import { byChange } from "../../src/investigation/rules/SuspectedChange.ts"
import { requestOf } from "../investigation/fixtures/ChangedScenes.ts"
import { find } from "./finding.ts"
import { deployment, refTo } from "./objects.ts"
import { alert, container, deleted, modified, state, target } from "./scenes.ts"

const env = [{ name: "LOG_LEVEL", value: "debug" }]
const present = deployment("checkout", { containers: [{ name: "app", image: "app:1", env }] })
const variable = (seconds: number) =>
  modified(target, seconds, container("env", { by: "name", value: "LOG_LEVEL" }, "value"), {
    before: "info",
    after: "debug"
  })
const cause = deleted(refTo("Service", "web"), -300, {
  manifest: { kind: "Service", spec: { selector: { app: "checkout" } } },
  by: { kind: "unknown" }
})

/** So many changes of as many other objects, from so many seconds before the alert on. */
const noise = (count: number, ref: (index: number) => ResourceRef, from = -290, spacing = 0.01) =>
  Array.from({ length: count }, (_, index) => modified(ref(index), from + index * spacing, ["data", "a"]))

const judged = (changes: ReadonlyArray<ObjectChange>) =>
  Effect.gen(function* () {
    const fired = alert("CheckoutErrorRateHigh")
    const observed = state({ endpoints: 0 })
    const objects = [present]
    const found = yield* find({ changes, objects }, { objects }, fired, observed)
    const rule = byChange({ ...requestOf({ alert: fired, candidates: [], observed }), suspects: found })?.rule
    return { found, rule }
  })

describe("the changes around a target in a busy cluster", () => {
  it.effect.each<[where: string, ref: (index: number) => ResourceRef]>([
    ["other namespaces", (index) => refTo("ConfigMap", `c${index}`, "elsewhere")],
    ["namespaces of many tenants", (index) => refTo("Deployment", "app", `tenant-${index}`)]
  ])("are not displaced by those in %s: a deleted Service is still the suspect", ([_where, ref]) =>
    Effect.gen(function* () {
      const { found, rule } = yield* judged([variable(-330), cause, ...noise(3000, ref)])
      assert.strictEqual(found.ranked[0]?.change.id, cause.id)
      assert.deepStrictEqual(found.unread, [])
      assert.strictEqual(rule, "undo-suspected-change")
    })
  )

  it.effect.each<[where: string, ref: (index: number) => ResourceRef]>([
    ["its own namespace", (index) => refTo("ConfigMap", `c${index}`)],
    ["objects without a namespace", (index) => refTo("Node", `n${index}`, "")],
    ["routes to anywhere", (index) => refTo("HTTPRoute", "web", `tenant-${index}`)]
  ])("that are more than are looked at in %s may hide the cause, so a person is asked", ([_where, ref]) =>
    Effect.gen(function* () {
      const { found, rule } = yield* judged([variable(-330), ...noise(2000, ref)])
      assert.strictEqual(found.ranked[0]?.change.ref.kind, "Deployment")
      assert.match(found.ranked[0]?.needsPerson ?? "", /More changed around it than is looked at/)
      assert.strictEqual(rule, "suspect-needs-person")
      assert.match(found.unread.join(), /changes before .*too many/)
    })
  )

  it.effect("do not stand in the way of a suspect that is much closer than those that are not looked at", () =>
    Effect.gen(function* () {
      const long = noise(2500, (index) => refTo("ConfigMap", `c${index}`), -20_000, 7)
      const { found, rule } = yield* judged([variable(-5), ...long])
      assert.isUndefined(found.ranked[0]?.needsPerson)
      assert.strictEqual(rule, "undo-suspected-change")
      assert.lengthOf(found.unread, 1)
    })
  )
})
