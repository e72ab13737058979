import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { ChangeJournal, layerMemory, layerNone, type MemoryOptions } from "../../src/changes/ChangeJournal.ts"
import * as GraphReader from "../../src/changes/GraphReader.ts"
import { watchedKinds } from "../../src/changes/WatchedKinds.ts"
import type { WatchGap } from "../../src/domain/ObjectChange.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { StorageError } from "../../src/storage/StorageError.ts"
import { clusterOf, find, shop } from "./finding.ts"
import { deployment, object, refTo, service } from "./objects.ts"
import { alert, at, container, created, deleted, gitops, modified, own, state, target } from "./scenes.ts"

const wrongSelector = modified(refTo("Service", "checkout"), -20, ["spec", "selector", "app"], {
  before: "checkout",
  after: "x"
})
const unrelated = modified(refTo("ConfigMap", "of-others"), -5, ["data", "a"])

describe("the suspects of an alert", () => {
  it.effect("are the change of a Service that no longer selects the pods, and not an unrelated one", () =>
    Effect.gen(function* () {
      const broken = service("checkout", { app: "x" })
      const found = yield* find(
        { changes: [wrongSelector, unrelated], objects: [broken] },
        { objects: [deployment("checkout"), broken] }
      )
      assert.strictEqual(found.finding, "one")
      assert.deepStrictEqual(
        found.ranked.map(({ change }) => change.id),
        [wrongSelector.id]
      )
      assert.strictEqual(found.ranked[0]?.relation, "is selected by Service shop/checkout")
    })
  )

  it.effect("are the deletion of a policy's Service, and a new policy, of a target that still runs: two", () =>
    Effect.gen(function* () {
      const gone = deleted(refTo("Service", "front"), -20, {
        manifest: { kind: "Service", spec: { selector: { app: "checkout" } } }
      })
      const deny = object("NetworkPolicy", "deny", { spec: { podSelector: {} } })
      const found = yield* find({ changes: [gone, created(refTo("NetworkPolicy", "deny"), -30)], objects: [deny] })
      assert.strictEqual(found.finding, "several")
      assert.strictEqual(found.ranked.length, 2)
    })
  )

  it.effect("are none without a change: nothing changed, and no request is made", () =>
    Effect.gen(function* () {
      const found = yield* find({
        changes: [modified(refTo("ConfigMap", "a", "elsewhere"), -5, ["data", "a"])],
        objects: shop
      })
      assert.strictEqual(found.finding, "nothing-changed")
      assert.deepStrictEqual(found.requests, [])
    })
  )

  it.effect("are unknown if a kind was not watched, and not if the cluster does not have it", () =>
    Effect.gen(function* () {
      const gap = { kind: "NetworkPolicy", from: at(-600), to: at(-300), reason: "expired" } as const
      assert.strictEqual((yield* find({ gaps: [gap] })).finding, "unknown")
      assert.deepStrictEqual((yield* find({ gaps: [gap] })).gaps, [gap])
      assert.strictEqual(
        (yield* find({ gaps: [{ ...gap, from: null, reason: "not-served", to: null }] })).finding,
        "nothing-changed"
      )
      assert.strictEqual((yield* find({ gaps: [{ ...gap, from: at(60), to: null }] })).finding, "nothing-changed")
      assert.strictEqual((yield* find({ layer: layerNone })).finding, "unknown")
    })
  )

  it.effect("are unknown if a part of the graph cannot be read, which is named", () =>
    Effect.gen(function* () {
      const forbidden = yield* find(
        { changes: [unrelated] },
        { objects: shop, failing: { Ingress: "Forbidden", HTTPRoute: "NotFound" } }
      )
      assert.strictEqual(forbidden.finding, "unknown")
      assert.deepStrictEqual(forbidden.unread, ["Ingress"])
      assert.strictEqual((yield* find({ changes: [unrelated] })).finding, "nothing-changed")
    })
  )

  it.effect("are not the only explanation where what leads to another changed object cannot be read", () =>
    Effect.gen(function* () {
      const routing = (name: string) =>
        object("Ingress", "web", { spec: { rules: [{ http: { paths: [{ backend: { service: { name } } }] } }] } })
      const rerouted = modified(refTo("Ingress", "web"), -2, ["spec", "rules"])
      const variable = modified(target, -600, container("env", { by: "name", value: "LOG" }, "value"))
      const given = { changes: [rerouted, variable], objects: [routing("x")] }
      const objects = [...shop, routing("x")]
      const unread = yield* find(given, { objects, failing: { Service: "Unavailable" } })
      assert.deepStrictEqual([unread.finding, unread.ranked[0]?.change.id], ["one", variable.id])
      assert.match(unread.outages?.join(" ") ?? "", /depends on Ingress shop\/web, which was modified at/)
      const others = yield* find({ ...given, changes: [variable] }, { objects, failing: { Service: "Unavailable" } })
      assert.isUndefined(others.outages)
      assert.isUndefined((yield* find(given, { objects, failing: { LimitRange: "Unavailable" } })).outages)
    })
  )

  it.effect("are found although the API server does not respond, within three seconds", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(
        find(
          { changes: [modified(target, -5, ["spec", "replicas"], { before: 2, after: 0 })] },
          { objects: shop, hanging: ["Service", "Deployment"] },
          alert("KubeDeploymentReplicasMismatch"),
          state({ desiredReplicas: 0, pods: [] })
        )
      )
      yield* TestClock.adjust("3 seconds")
      const found = yield* Fiber.join(fiber)
      assert.strictEqual(found.finding, "one")
      assert.includeMembers([...found.unread], ["Deployment", "Service"])
    })
  )

  it.effect(
    "are found among more changes than are considered, and the finding is then never that nothing changed",
    () =>
      Effect.gen(function* () {
        const broken = service("checkout", { app: "x" })
        const noise = Array.from({ length: 2100 }, () => modified(refTo("ConfigMap", "busy"), -4, ["data", "a"]))
        const cluster = { objects: [deployment("checkout"), broken] }
        const found = yield* find({ changes: [wrongSelector, ...noise], objects: [broken] }, cluster)
        assert.strictEqual(found.ranked[0]?.change.id, wrongSelector.id)
        assert.strictEqual((yield* find({ changes: noise }, cluster)).finding, "unknown")
      })
  )

  it.effect("are unknown if the database cannot be read, or does not respond", () =>
    Effect.gen(function* () {
      const journal = (list: ChangeJournal["Service"]["list"]) =>
        Layer.succeed(ChangeJournal, {
          kinds: [],
          list,
          find: () => Effect.undefined,
          gaps: () => Effect.succeed([]),
          confirm: () => Effect.succeed([]),
          present: () => undefined
        })
      const failing = journal(() =>
        Effect.fail(new StorageError({ reason: "busy", operation: "read", retryable: true, committed: "no" }))
      )
      assert.strictEqual((yield* find({ layer: failing })).finding, "unknown")
      const fiber = yield* Effect.forkChild(find({ layer: journal(() => Effect.never) }))
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).finding, "unknown")
      const broken = journal(() => Effect.die(new Error("broken")))
      assert.strictEqual((yield* find({ layer: broken })).finding, "unknown")
    })
  )

  it.effect.each<[kind: string, gap: Pick<WatchGap, "reason" | "to">, finding: string]>([
    ["HTTPRoute", { to: null, reason: "not-served" }, "nothing-changed"],
    ["HTTPRoute", { to: null, reason: "forbidden" }, "unknown"],
    // The cluster has it now, and had it for a while before that was noticed.
    ["HTTPRoute", { to: at(-60), reason: "not-served" }, "unknown"],
    ["AuthorizationPolicy", { to: null, reason: "forbidden" }, "unknown"]
  ])("depend on every kind that is recorded: %s with %o", ([kind, gap, finding]) =>
    Effect.gen(function* () {
      const kinds = [...watchedKinds, "AuthorizationPolicy"]
      assert.strictEqual((yield* find({ kinds, gaps: [{ kind, from: null, ...gap }] })).finding, finding)
    })
  )

  const secrets = { kind: "Secret", from: null, to: null, reason: "forbidden" } as const
  const reading = (pod: object) => ({
    ...deployment("checkout"),
    spec: { template: { metadata: { labels: { app: "checkout" } }, spec: { containers: [{ name: "app", ...pod }] } } }
  })

  it.effect("are none where Secrets may not be watched, if nothing that the target depends on names one", () =>
    Effect.gen(function* () {
      const quiet = yield* find({ gaps: [secrets] })
      assert.deepStrictEqual([quiet.finding, quiet.gaps], ["nothing-changed", []])
      assert.strictEqual((yield* find({ gaps: [secrets], changes: [unrelated] })).finding, "nothing-changed")
    })
  )

  it.effect("are unknown where Secrets may not be watched, and the target uses one, or may use one", () =>
    Effect.gen(function* () {
      const using = [
        [reading({ envFrom: [{ secretRef: { name: "db" } }] })],
        [deployment("checkout"), object("ServiceAccount", "default", { imagePullSecrets: [{ name: "pull" }] })],
        [
          ...shop,
          object("Ingress", "web", {
            spec: { tls: [{ secretName: "web-tls" }], defaultBackend: { service: { name: "checkout" } } }
          })
        ],
        [reading({}), object("Widget", "checkout", { spec: { targetRef: { name: "checkout" } } })]
      ]
      for (const [index, objects] of using.entries()) {
        const found = yield* find(
          {
            gaps: [secrets],
            ...(index < 3
              ? {}
              : { changes: [modified(refTo("Widget", "checkout"), -600, ["metadata", "labels", "a"])], objects })
          },
          { objects }
        )
        assert.deepStrictEqual([index, found.finding, found.gaps], [index, "unknown", [secrets]])
      }
    })
  )

  it.effect("are unknown where Secrets may not be watched, and the target used one before", () =>
    Effect.gen(function* () {
      const used = [{ name: "DB", valueFrom: { secretKeyRef: { name: "db", key: "a" } } }]
      const now = reading({})
      const removed = modified(
        target,
        -20_000,
        ["spec", "template", "spec", "containers", { by: "name", value: "app" }, "env"],
        { before: used }
      )
      const found = yield* find({ gaps: [secrets], changes: [removed], objects: [now] }, { objects: [now] })
      assert.deepStrictEqual([found.finding, found.gaps], ["unknown", [secrets]])
    })
  )

  it.effect("are unknown where Secrets may not be watched, and something else was not watched or read either", () =>
    Effect.gen(function* () {
      const policy = { kind: "NetworkPolicy", from: at(-600), to: at(-300), reason: "expired" } as const
      assert.strictEqual((yield* find({ gaps: [secrets, policy] })).finding, "unknown")
      assert.strictEqual(
        (yield* find({ gaps: [secrets] }, { objects: shop, failing: { Ingress: "Unavailable" } })).finding,
        "unknown"
      )
    })
  )

  it.effect("are unknown where the API server does not show that nothing is on its way", () =>
    Effect.gen(function* () {
      const late = { kind: "ConfigMap", from: at(-30), to: null, reason: "unavailable" } as const
      const journal = Layer.effect(
        ChangeJournal,
        Effect.map(ChangeJournal, (quiet) => ({ ...quiet, confirm: () => Effect.succeed([late]) }))
      ).pipe(Layer.provide(layerMemory({})))
      const found = yield* find({ layer: journal })
      assert.strictEqual(found.finding, "unknown")
      assert.deepStrictEqual(found.gaps, [late])
    })
  )

  it.effect("include a change that arrives while that is asked", () =>
    Effect.gen(function* () {
      const broken = service("checkout", { app: "x" })
      let changes: MemoryOptions["changes"] = []
      const journal = Layer.effect(
        ChangeJournal,
        Effect.map(ChangeJournal, (arrived) => ({
          ...arrived,
          list: (query) => (changes?.length === 0 ? Effect.succeed([]) : arrived.list(query)),
          confirm: () =>
            Effect.sync(() => {
              changes = [wrongSelector]
              return []
            })
        }))
      ).pipe(Layer.provide(layerMemory({ changes: [wrongSelector], objects: [broken] })))
      const found = yield* find({ layer: journal }, { objects: [deployment("checkout"), broken] })
      assert.deepStrictEqual([found.finding, found.ranked[0]?.change.id], ["one", wrongSelector.id])
    })
  )

  it.effect("of an alert that names a Service only are the changes around the Service", () =>
    Effect.gen(function* () {
      const fired = alert("HighErrorRate", { labels: { namespace: "shop", service: "checkout" } })
      const found = yield* find(
        { changes: [modified(target, -20, ["spec", "replicas"], { before: 2, after: 0 }, { by: gitops })] },
        { objects: shop },
        fired,
        null,
        { namespace: "shop", kind: "Alert", name: "6a1f" }
      )
      assert.strictEqual(found.ranked[0]?.distance, 1)
    })
  )

  it.effect("of a target that is gone include its deletion", () =>
    Effect.gen(function* () {
      const found = yield* find(
        { changes: [deleted(target, -20)] },
        { objects: [] },
        alert("KubeDeploymentReplicasMismatch"),
        state({ exists: false, pods: [], desiredReplicas: null })
      )
      assert.strictEqual(found.finding, "one")
      assert.strictEqual(found.ranked[0]?.change.operation, "deleted")
    })
  )
})

describe("an object that was deleted and created again", () => {
  const again = (kind: string, before: KubernetesObject, after: KubernetesObject, name = "checkout") => [
    deleted(refTo(kind, name), -20, { manifest: before as never }),
    created(refTo(kind, name), -19, { uid: "uid-again", manifest: after as never })
  ]
  const good = service("checkout", { app: "checkout" })
  const wrong = service("checkout", { app: "x" })

  it.effect("with another selector is the suspect, and not something new that breaks nothing", () =>
    Effect.gen(function* () {
      const found = yield* find(
        { changes: again("Service", good, wrong), objects: [wrong] },
        { objects: [deployment("checkout"), wrong] }
      )
      assert.deepStrictEqual([found.finding, found.ranked[0]?.change.operation], ["one", "created"])
      assert.isTrue(found.ranked[0]?.replaced)
    })
  )

  it.effect("as it was before is no suspect", () =>
    Effect.gen(function* () {
      const found = yield* find({ changes: again("Service", good, good), objects: [good] })
      assert.strictEqual(found.finding, "nothing-changed")
    })
  )

  it.effect("and is the target still exists: what else changed is judged by itself", () =>
    Effect.gen(function* () {
      const own = deployment("checkout")
      const [gone, made] = again("Deployment", own, own)
      const found = yield* find(
        // The API server dates the creation in whole seconds, so it may seem to be the earlier one.
        { changes: [wrongSelector, { ...gone!, at: at(-18.5) }, made!], objects: [own, wrong] },
        { objects: [own, wrong] }
      )
      assert.isAtLeast(found.ranked.find(({ change }) => change.id === wrongSelector.id)?.score ?? 0, 0.9)
    })
  )
})

describe("a change that was taken back in vain", () => {
  it.effect("may be the cause of another alert, which is not told that nothing changed", () =>
    Effect.gen(function* () {
      const path = ["spec", "selector", "app"]
      const undo = modified(refTo("Service", "checkout"), -15, path, { before: "x", after: "checkout" }, { by: own })
      const again = modified(refTo("Service", "checkout"), -10, path, { before: "checkout", after: "x" }, { by: own })
      const broken = service("checkout", { app: "x" })
      const found = yield* find(
        { changes: [again, undo, wrongSelector], objects: [broken] },
        { objects: [deployment("checkout"), broken] }
      )
      assert.deepStrictEqual([found.finding, found.unread.length], ["unknown", 1])
    })
  )
})

describe("a clock that was set back", () => {
  it.effect("leaves it unknown what changed: a change of the future may be one of before the symptom", () =>
    Effect.gen(function* () {
      const found = yield* find({ changes: [{ ...wrongSelector, at: at(600), seenAt: at(600) }], objects: shop })
      assert.deepStrictEqual([found.finding, found.unread.length], ["unknown", 1])
    })
  )
})

describe("an alert that names no object", () => {
  it.effect("is never told that nothing changed: nobody knows what concerns it", () =>
    Effect.gen(function* () {
      const fired = alert("CheckoutErrorRateHigh", { labels: { alertname: "CheckoutErrorRateHigh" } })
      const unnamed = { namespace: "", kind: "Alert", name: "6a1f" }
      for (const changes of [[], [wrongSelector]]) {
        const found = yield* find({ changes, objects: shop }, { objects: shop }, fired, null, unnamed)
        assert.deepStrictEqual([found.finding, found.unread.length], ["unknown", 1])
      }
    })
  )
})

describe("reading the graph", () => {
  it.effect("takes a bounded number of requests", () =>
    Effect.gen(function* () {
      const { client, requests } = clusterOf({ objects: shop })
      yield* GraphReader.read(client, { starts: [target], within: "2 seconds" })
      assert.isAtMost(requests.length, 20)
    })
  )
})
