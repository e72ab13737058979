import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { build } from "../../src/changes/DependencyGraph.ts"
import { statesOf } from "../../src/changes/EarlierStates.ts"
import type { ResourceRef } from "../../src/domain/Target.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { find } from "./finding.ts"
import { deployment, object, refTo, service } from "./objects.ts"
import { alert, deleted, modified, state, target } from "./scenes.ts"

const frontend = deployment("checkout", {}, { app: "frontend" })
const ofLegacy = service("checkout", { app: "legacy" })
const routed = (name: string, to: string) =>
  object("Ingress", name, { spec: { defaultBackend: { service: { name: to } } } })
const widget = (name: string, spec: object) => object("Widget", name, { spec })

const found = (objects: ReadonlyArray<KubernetesObject>, wanted: ResourceRef, of: ResourceRef = target) => {
  const node = build([of], objects).find(wanted)
  return node === undefined ? "none" : node.onlyByName === true ? "by name" : "yes"
}

describe("an object with the name of the target", () => {
  const checkout = refTo("Service", "checkout")
  it.each<readonly [string, string, ReadonlyArray<KubernetesObject>, ResourceRef]>([
    ["a Service of other pods", "by name", [frontend, ofLegacy], checkout],
    [
      "the Ingress of such a Service",
      "by name",
      [frontend, ofLegacy, routed("web", "checkout")],
      refTo("Ingress", "web")
    ],
    [
      "an Ingress that the Service of the pods has as well",
      "yes",
      [frontend, ofLegacy, service("front", { app: "frontend" }), routed("web", "checkout"), routed("web", "front")],
      refTo("Ingress", "web")
    ],
    [
      "a Service that selected the pods before",
      "yes",
      [frontend, ofLegacy, service("checkout", { app: "frontend" })],
      checkout
    ],
    ["a Service without a selector", "yes", [frontend, object("Service", "checkout", { spec: {} })], checkout],
    [
      "a Service to whose selector a controller added a label",
      "yes",
      [frontend, service("checkout", { app: "frontend", "rollouts-pod-template-hash": "5f" })],
      checkout
    ],
    [
      "a Service of other pods, which have another label",
      "by name",
      [frontend, deployment("legacy", {}, { component: "legacy" }), service("checkout", { component: "legacy" })],
      checkout
    ],
    [
      "a Service of other pods, which share a label with these",
      "by name",
      [
        deployment("checkout", {}, { app: "shop", part: "frontend" }),
        deployment("legacy", {}, { app: "shop", component: "legacy" }),
        service("checkout", { app: "shop", component: "legacy" })
      ],
      checkout
    ],
    [
      "a Service of pods that nobody has, while the pods have a Service already",
      "by name",
      [frontend, service("front", { app: "frontend" }), service("checkout", { component: "legacy" })],
      checkout
    ],
    [
      "a Service of pods that nobody has, and the only one",
      "yes",
      [frontend, deployment("legacy"), service("checkout", { component: "checkout" })],
      checkout
    ],
    [
      "a Service that had other pods before, and has none now",
      "by name",
      [
        frontend,
        deployment("legacy", {}, { component: "legacy" }),
        service("checkout", { component: "legacy" }),
        service("checkout", { component: "x" })
      ],
      checkout
    ],
    [
      "a Service with the label of a controller, which the pods have a Service without",
      "yes",
      [
        frontend,
        service("front", { app: "frontend" }),
        service("checkout", { app: "frontend", "rollouts-pod-template-hash": "5f" })
      ],
      checkout
    ],
    [
      "the governing Service of a StatefulSet",
      "yes",
      [deployment("checkout", { serviceName: "checkout" }, { app: "frontend" }), ofLegacy].map((each) =>
        each.kind === "Service" ? each : { ...each, spec: { ...(each["spec"] as object), serviceName: "checkout" } }
      ),
      checkout
    ],
    [
      "a custom object about another one",
      "by name",
      [frontend, widget("checkout", { targetRef: { name: "legacy" } })],
      refTo("Widget", "checkout")
    ],
    [
      "a custom object about the target",
      "yes",
      [frontend, widget("any", { targetRef: { name: "checkout" } })],
      refTo("Widget", "any")
    ],
    [
      "a custom object about the whole namespace",
      "yes",
      [frontend, widget("checkout", {})],
      refTo("Widget", "checkout")
    ]
  ])("that is %s belongs to it: %s", (_claim, is, objects, wanted) => {
    assert.strictEqual(found(objects, wanted), is)
  })

  it("that is a workload with other pods than those of the Service is about itself, too", () => {
    const legacy = deployment("legacy", {}, { component: "legacy" })
    const ofComponent = service("checkout", { component: "legacy" })
    assert.strictEqual(found([frontend, legacy, ofComponent], target, checkout), "by name")
    assert.strictEqual(found([frontend, legacy, ofComponent], refTo("Deployment", "legacy"), checkout), "yes")
    assert.strictEqual(found([frontend, ofLegacy], target, checkout), "by name")
    assert.strictEqual(found([frontend, service("checkout", { app: "frontend" })], target, checkout), "yes")
  })
})

describe("a change of a Service with the name of the target", () => {
  const port = ["spec", "ports", { by: "name", value: "http" }, "targetPort"]
  const withPort = (selector: object) =>
    object("Service", "checkout", { spec: { selector, ports: [{ name: "http", port: 80, targetPort: 9090 }] } })
  const change = modified(refTo("Service", "checkout"), -60, port, { before: 8080, after: 9090 })
  const suspectOf = (selector: object, others: ReadonlyArray<KubernetesObject> = [], faults: object = {}) => {
    const now = withPort(selector)
    assert.lengthOf(statesOf(now, [change]), 2)
    return find(
      { changes: [change], objects: [now] },
      { objects: [frontend, ...others, now], ...faults },
      alert("CheckoutErrorRateHigh"),
      state({ endpoints: 0 })
    )
  }

  it.effect(
    "needs a person where the Service selects the pods of another workload, and none where it selects its own",
    () =>
      Effect.gen(function* () {
        const other = yield* suspectOf({ app: "legacy" })
        assert.include(other.ranked[0]?.needsPerson, "Only a name says")
        const legacy = deployment("legacy", {}, { component: "legacy" })
        const byLabel = yield* suspectOf({ component: "legacy" }, [legacy])
        assert.include(byLabel.ranked[0]?.needsPerson, "Only a name says")
        assert.include(byLabel.requests, "StatefulSet")
        const alone = yield* suspectOf({ app: "frontend", role: "master" })
        assert.deepStrictEqual([alone.finding, alone.ranked[0]?.needsPerson], ["one", undefined])
        const own = yield* suspectOf({ app: "frontend" })
        assert.deepStrictEqual([own.finding, own.ranked[0]?.needsPerson], ["one", undefined])
        assert.notInclude(own.requests, "StatefulSet")
      })
  )

  const legacy = deployment("legacy", {}, { component: "legacy" })
  const other = { ...legacy, kind: "StatefulSet" }
  it.effect.each(["Forbidden", "Unavailable"] as const)(
    "needs a person where the workload that it may select is of a kind that is %s, or Services are",
    (reason) =>
      Effect.gen(function* () {
        for (const kind of ["StatefulSet", "DaemonSet", "CronJob", "Service"]) {
          const found = yield* suspectOf({ component: "legacy" }, [other], { failing: { [kind]: reason } })
          assert.include(found.ranked[0]?.needsPerson, "Only a name says", kind)
        }
        const own = yield* suspectOf({ app: "frontend" }, [other], { failing: { StatefulSet: reason } })
        assert.deepStrictEqual([own.finding, own.ranked[0]?.needsPerson], ["one", undefined])
      })
  )

  it.effect("needs a person where the list of workloads does not answer", () =>
    Effect.gen(function* () {
      const found = yield* Effect.forkChild(suspectOf({ component: "legacy" }, [other], { hanging: ["StatefulSet"] }))
      yield* TestClock.adjust("2500 millis")
      const { ranked, unread } = yield* Fiber.join(found)
      assert.include(unread, "StatefulSet")
      assert.include(ranked[0]?.needsPerson, "Only a name says")
    })
  )

  const gone = (selector: object) => {
    const { metadata, ...manifest } = withPort(selector)
    const { name, namespace = "" } = metadata
    return deleted(refTo("Service", "checkout"), -60, {
      uid: metadata.uid,
      manifest: { ...manifest, metadata: { name, namespace } } as never,
      by: { kind: "unknown" }
    })
  }
  const goneOf = (selector: object) =>
    find(
      { changes: [gone(selector)], objects: [] },
      { objects: [frontend, legacy] },
      alert("CheckoutErrorRateHigh"),
      state({ endpoints: 0 })
    )

  it.effect(
    "needs a person where it was deleted and had the pods of another workload, and none where it had its own",
    () =>
      Effect.gen(function* () {
        const ofOthers = yield* goneOf({ component: "legacy" })
        assert.include(ofOthers.ranked[0]?.needsPerson, "Only a name says")
        const own = yield* goneOf({ app: "frontend" })
        assert.deepStrictEqual([own.finding, own.ranked[0]?.needsPerson], ["one", undefined])
        const ofNobody = yield* goneOf({ app: "frontend", role: "master" })
        assert.deepStrictEqual([ofNobody.finding, ofNobody.ranked[0]?.needsPerson], ["one", undefined])
      })
  )
})
