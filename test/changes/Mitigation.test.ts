import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mitigates } from "../../src/changes/Mitigation.ts"
import type { Firing } from "../../src/domain/Firing.ts"
import type { ResourceRef } from "../../src/domain/Target.ts"
import { find } from "./finding.ts"
import { deployment, refTo, service } from "./objects.ts"
import { alert, at, minutes, modified, ref, state, target } from "./scenes.ts"

const before = [{ from: at(-minutes(40)), to: at(-minutes(20)) }]

describe("a change before an alert that fires again", () => {
  it.each([
    ["while it fired before", -minutes(30), true],
    ["soon after that", -minutes(6), true],
    ["long after that", -minutes(4), false],
    ["before it first fired, as its cause is", -minutes(41), false]
  ] as const)("made %s may be meant to help: %3$s", (_name, seconds, isMeant) =>
    assert.strictEqual(mitigates({ at: at(seconds), ref: target }, before) !== undefined, isMeant)
  )

  it.effect("is found with the reason why a person has to decide", () =>
    Effect.gen(function* () {
      const broken = service("checkout", { app: "x" })
      const path = ["spec", "selector", "app"]
      const changes = [modified(refTo("Service", "checkout"), -120, path, { before: "checkout", after: "x" })]
      const cluster = { objects: [deployment("checkout"), broken] }
      const firings = [{ from: at(-600), to: at(-180) }]
      const given = { changes, objects: [broken] }
      const first = yield* find(given, cluster, alert("HighErrorRate"), state({ endpoints: 0 }), target)
      const again = yield* find(given, cluster, alert("HighErrorRate"), state({ endpoints: 0 }), target, firings)
      assert.deepStrictEqual([first.finding, first.ranked[0]?.needsPerson], ["one", undefined])
      assert.strictEqual(again.finding, "one")
      assert.include(again.ranked[0]?.needsPerson, "may have been made to help")
    })
  )

  it("of which no earlier firing is known is not", () =>
    assert.isUndefined(mitigates({ at: at(-20), ref: target }, [])))
})

describe("a change after another alert has begun to fire", () => {
  const firing = (since: number, rest: Partial<Firing> = {}, fixed = false, about: ResourceRef = target): Firing => ({
    from: at(since),
    other: { name: "HighLatency", target: about, fixed },
    ...rest
  })

  it.each<readonly [string, seconds: number, is: boolean, Firing]>([
    ["while it fires", -60, true, firing(-300)],
    ["soon after it ended", -60, true, firing(-600, { to: at(-300) })],
    ["long after it ended", -60, false, firing(-minutes(30), { to: at(-minutes(20)) })],
    ["before it fired, as the cause of both", -400, false, firing(-300)],
    ["after it has fired for longer than anybody works on it", -60, false, firing(-minutes(62))],
    ["before it was fixed", -60, true, firing(-300, { to: at(-30) }, true)],
    ["after it was fixed", -60, false, firing(-300, { to: at(-90) }, true)]
  ])("and %s may be meant to help: %3$s", (_claim, seconds, is, other) =>
    assert.strictEqual(mitigates({ at: at(seconds), ref: target }, [other]) !== undefined, is)
  )

  const broken = service("checkout", { app: "x" })
  const path = ["spec", "selector", "app"]
  const change = modified(refTo("Service", "checkout"), -120, path, { before: "checkout", after: "x" })
  const found = (about: ResourceRef) =>
    find(
      { changes: [change], objects: [broken] },
      { objects: [deployment("checkout"), broken] },
      alert("CheckoutErrorRateHigh"),
      state({ endpoints: 0 }),
      target,
      [firing(-600, {}, false, about)]
    )

  it.effect.each<readonly [string, boolean, ResourceRef]>([
    ["the target", true, target],
    ["what is next to the target, such as the Service in front of it", true, ref("Service", "checkout")],
    ["another workload of the namespace: no", false, ref("Deployment", "payments")],
    ["a node: no", false, ref("Node", "node-1", "")]
  ])("needs a person if that alert is about %s", ([, is, about]) =>
    Effect.gen(function* () {
      const { finding, ranked } = yield* found(about)
      assert.deepStrictEqual([finding, ranked[0]?.needsPerson !== undefined], ["one", is])
      if (is) assert.include(ranked[0]?.needsPerson, "Alert HighLatency of")
    })
  )

  it.effect("needs a person if that alert is one of many in the namespace", () =>
    Effect.gen(function* () {
      const others = Array.from({ length: 50 }, (_, n) => firing(-250 + n, {}, false, ref("Deployment", `other-${n}`)))
      const given = { changes: [change], objects: [broken] }
      const cluster = { objects: [deployment("checkout"), broken] }
      const fired = alert("CheckoutErrorRateHigh")
      const { ranked } = yield* find(given, cluster, fired, state({ endpoints: 0 }), target, [...others, firing(-600)])
      assert.include(ranked[0]?.needsPerson, "Alert HighLatency of")
    })
  )

  it("needs a person where too many alerts fired to know all, up to an hour before it", () => {
    const none = () => false
    const other = firing(-30, {}, false, ref("Deployment", "other"))
    const meantAt = (cut: number) => mitigates({ at: at(-60), ref: target }, [other], none, at(cut))
    assert.include(meantAt(-90), "More alerts fired")
    assert.include(meantAt(-minutes(60) - 60), "More alerts fired")
    assert.isUndefined(meantAt(-minutes(61) - 1))
  })

  it("needs a person if that alert is about the changed object itself, wherever that is", () => {
    const node = ref("Node", "node-1", "")
    const never = () => false
    assert.isDefined(mitigates({ at: at(-60), ref: node }, [firing(-300, {}, false, node)], never))
    assert.isUndefined(mitigates({ at: at(-60), ref: target }, [firing(-300, {}, false, node)], never))
  })
})
