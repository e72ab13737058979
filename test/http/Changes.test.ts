import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { HttpServer } from "effect/http"
import { HttpApiTest } from "effect/http-api"
import { TestClock } from "effect/testing"
import { ChangeJournal, layerMemory, layerNone, type MemoryOptions } from "../../src/changes/ChangeJournal.ts"
import { watchedKinds } from "../../src/changes/WatchedKinds.ts"
import type { ObjectChange, WatchGap } from "../../src/domain/ObjectChange.ts"
import { ServedApi } from "../../src/http/Api.ts"
import * as Authentication from "../../src/http/Authentication.ts"
import * as RequestFaults from "../../src/http/problems/RequestFaults.ts"
import { ChangeHandlers } from "../../src/http/routes/ChangeHandlers.ts"
import { KubernetesClient, KubernetesError, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { deployment, service } from "../changes/objects.ts"
import { at, created, deleted, modified, own, ref, startsMs } from "../changes/scenes.ts"

const client = HttpApiTest.groups(ServedApi, ["changes"])

const unreachable = new KubernetesError({
  reason: { _tag: "Timeout" },
  operation: "list",
  applied: "no",
  retryable: true
})

const cluster = (objects: ReadonlyArray<KubernetesObject> | undefined) =>
  Layer.mock(KubernetesClient, {
    list: (kind, { namespace }) =>
      objects === undefined
        ? Effect.fail(unreachable)
        : Effect.succeed(
            objects.filter(
              (each) => each.kind === kind && (namespace === undefined || each.metadata.namespace === namespace)
            )
          ),
    get: ({ kind, name }) => {
      const found = objects?.find((each) => each.kind === kind && each.metadata.name === name)
      return found === undefined
        ? Effect.fail(
            objects === undefined
              ? unreachable
              : new KubernetesError({
                  reason: { _tag: "NotFound" },
                  operation: "get",
                  applied: "no",
                  retryable: false
                })
          )
        : Effect.succeed(found)
    }
  })

type Query = Parameters<Effect.Success<typeof client>["changes"]["list"]>[0]["query"]

/** A journal whose changes of some kinds may still be on their way. */
const recorded = ({ late = [], ...options }: MemoryOptions & { readonly late?: ReadonlyArray<WatchGap> }) =>
  Layer.effect(
    ChangeJournal,
    Effect.map(ChangeJournal, (journal) => ({
      ...journal,
      confirm: (kinds: ReadonlyArray<string>) => Effect.succeed(late.filter(({ kind }) => kinds.includes(kind)))
    }))
  ).pipe(Layer.provide(layerMemory(options)))

/** The response to a query, 30 seconds after the alert of the scenes. */
const asked = (
  query: Query,
  journal: (MemoryOptions & { readonly late?: ReadonlyArray<WatchGap> }) | "off",
  objects: ReadonlyArray<KubernetesObject> | "away" = []
) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(startsMs + 30_000)
    const { changes } = yield* client
    return yield* changes.list({ query })
  }).pipe(
    Effect.provide(
      Layer.mergeAll(
        ChangeHandlers.pipe(
          Layer.provide([
            journal === "off" ? layerNone : recorded(journal),
            cluster(objects === "away" ? undefined : objects)
          ]),
          Layer.provideMerge(Layer.merge(Authentication.layer({}), RequestFaults.layer))
        ),
        HttpServer.layerServices
      )
    )
  )

const shop = [deployment("checkout"), service("checkout", { app: "checkout" }), service("cart", { app: "cart" })]
const port = modified(ref("Service", "checkout"), -12, ["spec", "ports", { by: "name", value: "http" }, "targetPort"], {
  before: 8080,
  after: 9090
})
const image = modified(ref("Deployment", "cart"), -60, ["spec", "replicas"], { before: 2, after: 0 })
const policy = created(ref("NetworkPolicy", "deny"), -30, {
  manifest: { kind: "NetworkPolicy", spec: { podSelector: {} } }
})

describe("GET /api/v1/changes", () => {
  it.effect("shows what changed, when, and by whom, the newest first", () =>
    Effect.gen(function* () {
      const found = yield* asked({}, { changes: [image, port, policy] })
      assert.deepStrictEqual(
        found.changes.map(({ id }) => id),
        [port.id, policy.id, image.id]
      )
      assert.deepStrictEqual(found.changes[0]?.fields, [
        { path: "spec.ports[http].targetPort", before: 8080, after: 9090 }
      ])
      assert.deepInclude(found.changes[0], { at: at(-12), ours: false, by: { kind: "person", name: "kubectl-edit" } })
      assert.deepStrictEqual(found.changes[1]?.manifest, { kind: "NetworkPolicy", spec: { podSelector: {} } })
      assert.strictEqual(found.watched, "throughout")
    })
  )

  it.effect("says that changes are not recorded, and never shows an empty list for it", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(asked({}, "off"))
      assert.strictEqual(error._tag, "NotRecorded")
      assert.include("detail" in error ? error.detail : "", "KUBERNAUT_CHANGES=on")
    })
  )

  it.effect("names each interval that was not watched, and why; the kinds of one interval together", () =>
    Effect.gen(function* () {
      const found = yield* asked(
        { since: "10m" },
        {
          gaps: [
            { kind: "Service", from: at(-300), to: at(-200), reason: "expired" },
            { kind: "Ingress", from: at(-310), to: at(-195), reason: "expired" },
            { kind: "Secret", from: null, to: null, reason: "forbidden" },
            { kind: "ConfigMap", from: null, to: at(-7200), reason: "not-started" },
            { kind: "HTTPRoute", from: null, to: null, reason: "not-served" }
          ]
        }
      )
      assert.strictEqual(found.watched, "partly")
      assert.deepStrictEqual(
        found.gaps.map(({ from, kinds, reason, to }) => ({ from, kinds, reason, to })),
        [
          { from: null, kinds: ["Secret"], reason: "forbidden", to: null },
          { from: at(-310), kinds: ["Ingress", "Service"], reason: "expired", to: at(-195) }
        ]
      )
      assert.include(found.gaps[0]?.why ?? "", "RBAC")
    })
  )

  it.effect("does not call an interval watched in which the cluster got a kind: that is noticed only later", () =>
    Effect.gen(function* () {
      const installed = { kind: "HTTPRoute", from: null, to: at(-60), reason: "not-served" } as const
      assert.strictEqual((yield* asked({ since: "10m" }, { gaps: [installed] })).watched, "partly")
      assert.strictEqual(
        (yield* asked({ since: "10m" }, { gaps: [{ ...installed, to: at(-3600) }] })).watched,
        "throughout"
      )
    })
  )

  it.effect("does not call an interval watched where the API server does not show that every change has arrived", () =>
    Effect.gen(function* () {
      const late: ReadonlyArray<WatchGap> = [{ kind: "Service", from: at(-20), to: null, reason: "unavailable" }]
      for (const target of [undefined, "shop/Deployment/checkout"]) {
        const found = yield* asked(target === undefined ? {} : { target }, { late }, shop)
        assert.strictEqual(found.watched, "partly")
        assert.deepStrictEqual(found.gaps[0]?.kinds, ["Service"])
      }
      assert.strictEqual((yield* asked({ kind: "Ingress" }, { late })).watched, "throughout")
    })
  )

  it.effect("with a target, shows the changes of what it depends on, and how; not those of its neighbours", () =>
    Effect.gen(function* () {
      const found = yield* asked(
        { target: "shop/Deployment/checkout" },
        { changes: [image, port], objects: shop },
        shop
      )
      assert.deepStrictEqual(
        found.changes.map(({ distance, ref, relation }) => ({ distance, name: ref.name, relation })),
        [{ distance: 1, name: "checkout", relation: "is selected by Service shop/checkout" }]
      )
      assert.strictEqual(found.target?.exists, "yes")
    })
  )

  it.effect("shows a Service that was deleted among the changes of the workload that it selected", () =>
    Effect.gen(function* () {
      const gone = deleted(ref("Service", "checkout"), -20, {
        manifest: {
          kind: "Service",
          metadata: { name: "checkout", namespace: "shop" },
          spec: { selector: { app: "checkout" } }
        }
      })
      const found = yield* asked({ target: "shop/deployment/checkout" }, { changes: [gone] }, [deployment("checkout")])
      assert.deepStrictEqual(
        found.changes.map(({ operation, ref }) => `${operation} ${ref.kind}`),
        ["deleted Service"]
      )
    })
  )

  it.effect("with a target that depends on a kind that nobody records, names it, and was watched partly", () =>
    Effect.gen(function* () {
      const query = { target: "shop/Deployment/checkout" }
      const sandboxed = deployment("checkout", { runtimeClassName: "gvisor" })
      const owned = {
        ...sandboxed,
        metadata: {
          ...sandboxed.metadata,
          ownerReferences: [
            { apiVersion: "example.com/v1", kind: "Shop", name: "checkout", uid: "o", controller: true }
          ]
        }
      } as unknown as KubernetesObject
      const found = yield* asked(query, { changes: [port], kinds: watchedKinds }, [owned, ...shop.slice(1)])
      assert.deepStrictEqual(
        [found.watched, found.gaps, found.unread],
        ["partly", [], ["changes of RuntimeClass, which is not recorded", "changes of Shop, which is not recorded"]]
      )
      const kinds = [...watchedKinds, "Shop", "RuntimeClass"]
      const recordedThem = yield* asked(query, { changes: [port], kinds }, [owned, ...shop.slice(1)])
      assert.deepStrictEqual([recordedThem.watched, recordedThem.unread], ["throughout", []])
      const ofOneKind = yield* asked({ ...query, kind: "Service" }, { kinds: watchedKinds }, [owned, ...shop.slice(1)])
      assert.strictEqual(ofOneKind.watched, "throughout")
    })
  )

  it.effect("says that a target does not exist, and does not know it of a cluster that does not respond", () =>
    Effect.gen(function* () {
      const misspelt = yield* asked({ target: "shop/Deployment/chekout" }, {}, shop)
      assert.strictEqual(misspelt.target?.exists, "no")
      const away = yield* asked({ target: "shop/Deployment/checkout" }, { changes: [image, port] }, "away")
      assert.strictEqual(away.target?.exists, "unknown")
      assert.include(away.unread, "Service")
    })
  )

  it.effect("filters by kind and namespace, and asks for gaps of these kinds only", () =>
    Effect.gen(function* () {
      const found = yield* asked(
        { kind: "service,NetworkPolicy", namespace: "shop" },
        { changes: [image, port, policy], gaps: [{ kind: "Secret", from: null, to: null, reason: "forbidden" }] }
      )
      assert.deepStrictEqual(
        found.changes.map(({ ref }) => ref.kind),
        ["Service", "NetworkPolicy"]
      )
      assert.strictEqual(found.watched, "throughout")
    })
  )

  it.effect("pages through changes of the same second without a loss and without a repetition", () =>
    Effect.gen(function* () {
      const many = Array.from({ length: 7 }, (_, index) =>
        modified(ref("Service", `s${index}`), -12, ["spec", "type"], { before: "a", after: "b" })
      )
      const seen: Array<string> = []
      let cursor: string | undefined
      do {
        const page = yield* asked({ limit: 3, ...(cursor === undefined ? {} : { cursor }) }, { changes: many })
        seen.push(...page.changes.map(({ id }) => id))
        cursor = page.nextCursor
      } while (cursor !== undefined)
      assert.deepStrictEqual(seen, many.map(({ id }) => id).toReversed())
    })
  )

  it.effect("accepts a duration and a time, with any offset", () =>
    Effect.gen(function* () {
      for (const since of ["30s", "45 seconds", "2026-11-24T02:59:45Z", "2026-11-24T03:59:45+01:00"]) {
        const found = yield* asked({ since }, { changes: [image, port, policy] })
        assert.deepStrictEqual(
          found.changes.map(({ id }) => id),
          since === "30s" ? [] : [port.id],
          since
        )
      }
    })
  )

  it.effect("refuses what it does not understand, and names the field and what would be right", () =>
    Effect.gen(function* () {
      const queries: ReadonlyArray<readonly [Query, string, string]> = [
        [{ since: "yesterday" }, "since", "1h"],
        [{ since: "2026-11-24" }, "since", "offset"],
        [{ since: "9999999999d" }, "since", "366 days"],
        [{ since: "2026-11-24T04:00:00Z" }, "since", "not after now"],
        [{ since: "10m", until: "20m" }, "until", "not before since"],
        [{ target: "checkout" }, "target", "namespace/Kind/name"],
        [{ target: "shop/Deploymnt/checkout" }, "target", "Deployment"],
        [{ target: "Deployment/checkout" }, "target", "has a namespace"],
        [{ target: "shop/Node/worker-1" }, "target", "has no namespace"],
        [{ kind: "Pod" }, "kind", "Deployment"],
        [{ kind: "" }, "kind", "separated by commas"],
        [{ cursor: port.id }, "cursor", "no longer kept"]
      ]
      for (const [query, name, right] of queries) {
        const error = yield* Effect.flip(asked(query, {}))
        const problem = error as { readonly _tag: string; readonly detail?: string }
        const text = `${problem._tag} ${problem.detail ?? String(error)}`
        assert.include(text, name, JSON.stringify(query))
        assert.include(text, right, JSON.stringify(query))
      }
    })
  )

  it.effect("marks our own changes, and shows the interval of one that happened while nobody watched", () =>
    Effect.gen(function* () {
      const ours: ObjectChange = { ...port, by: own }
      const unseen: ObjectChange = { ...policy, notBefore: at(-100), seenAt: at(-20) }
      const { changes } = yield* asked({}, { changes: [ours, unseen] })
      assert.deepInclude(changes[0], { ours: true })
      assert.deepInclude(changes[1], { notBefore: at(-100), seenAt: at(-20) })
    })
  )
})
