/** Rollbacks on the sandbox whose earlier template names something that is not what it was. */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Random } from "effect"
import * as ChangeJournal from "../../src/changes/ChangeJournal.ts"
import type { ObjectChange } from "../../src/domain/ObjectChange.ts"
import * as Executor from "../../src/execution/Executor.ts"
import { KubernetesClient, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { StorageError } from "../../src/storage/StorageError.ts"
import { inTime, intercept, script } from "./faults.ts"
import { followed } from "./restoring.ts"

const on = (kind: string, name: string, rest: object): KubernetesObject => ({
  apiVersion: "v1",
  kind,
  metadata: { namespace: "shop", name, uid: `uid-${name}`, resourceVersion: "1" },
  ...rest
})
const templateOf = (app: string, container: object, spec: object = {}, labels: object = {}) => ({
  metadata: { labels: { app, ...labels } },
  spec: { containers: [{ name: "app", image: "app:v1", ...container }], ...spec }
})
const workload = (kind: string, name: string, template: object, replicas = 2) =>
  on(kind, name, {
    spec: { ...(kind === "DaemonSet" ? {} : { replicas }), selector: { matchLabels: { app: name } }, template }
  })
const server = (name: string, replicas = 2) => workload("Deployment", name, templateOf(name, {}), replicas)
const service = (name: string, selector: object = { app: name }) =>
  on("Service", name, { spec: { selector, ports: [{ port: 80 }] } })
const config = (name: string, data: object = { a: "1" }) => on("ConfigMap", name, { data })

const calling = (host: string) => templateOf("web", { env: [{ name: "DB_HOST", value: host }] })
const reading = (name: string) => templateOf("web", { envFrom: [{ configMapRef: { name } }] })
const needing = (key: string) =>
  templateOf("web", { env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "cfg", key } } }] })

interface Given {
  readonly kind?: string
  readonly objects?: ReadonlyArray<KubernetesObject>
  readonly changes?: ReadonlyArray<ObjectChange>
  readonly journal?: Layer.Layer<ChangeJournal.ChangeJournal>
}

/** What the plan says that rolls back a release from one template to another, and what was read for it. */
const rolledBack = (
  earlier: object,
  present: object,
  { changes = [], journal, kind = "Deployment", objects = [] }: Given = {}
) => {
  const faults = script()
  const sandbox = Layer.effect(
    KubernetesClient,
    Sandbox.make({
      shop: false,
      deployments: [{ namespace: "shop", name: "neighbour", behaviour: "healthy" }],
      intercept: intercept(faults)
    }).pipe(Random.withSeed("rollback"))
  )
  const ref = { namespace: "shop", kind, name: "web" }
  return inTime(
    Effect.gen(function* () {
      const client = yield* KubernetesClient
      for (const { metadata, ...rest } of [...objects, workload(kind, "web", earlier)])
        yield* client.apply({
          _tag: "Create",
          ref: { namespace: "shop", kind: rest.kind, name: metadata.name },
          manifest: { ...rest, metadata: { namespace: "shop", name: metadata.name } } as never
        })
      yield* Effect.sleep("2 minutes")
      yield* client.apply({
        _tag: "Patch",
        ref,
        patch: [{ op: "replace", path: "/spec/template", value: present as never }]
      })
      yield* Effect.sleep("2 minutes")
      faults.requests.length = 0
      const plan = yield* Effect.flatMap(Executor.Executor, (executor) =>
        executor.draft({
          action: { type: "RollbackDeployment", target: ref },
          target: { cluster: "test", ...ref },
          remediationId: "r1",
          executionId: "r1-1",
          epoch: 1
        })
      ).pipe(
        Effect.map(({ asks, intent }) => ({
          rules: asks.map(({ rule }) => rule as string),
          evicted: intent.changes.flatMap((change) => (change._tag === "Evict" ? [change.ref.name] : []))
        })),
        Effect.catchTag("PlanRefused", ({ message, rule }) =>
          Effect.succeed({ rules: [`refused ${rule}: ${message}`], evicted: [] })
        ),
        Effect.provide(Executor.layer().pipe(Layer.provide(journal ?? ChangeJournal.layerMemory({ changes }))))
      )
      return { ...plan, requests: faults.requests }
    })
  ).pipe(Effect.provide(sandbox))
}

const rulesOf = (...given: Parameters<typeof rolledBack>) => Effect.map(rolledBack(...given), ({ rules }) => rules)

const gone = (kind: string, what: string) => [
  `refused not-restorable: The earlier state of ${kind} shop/web names ${what}, which does not exist.`
]

describe("a rollback", () => {
  it.effect.each(["Deployment", "StatefulSet", "DaemonSet"])(
    "of a %s is refused where its earlier template names a ConfigMap that is gone",
    (kind) =>
      Effect.gen(function* () {
        const [then, now] = [reading("cfg-old"), reading("cfg-new")]
        const without = yield* rulesOf(then, now, { kind, objects: [config("cfg-new")] })
        assert.deepStrictEqual(without, gone(kind, "ConfigMap shop/cfg-old"))
        const both = yield* rulesOf(then, now, { kind, objects: [config("cfg-new"), config("cfg-old")] })
        assert.notInclude(both.join(), "refused")
      })
  )

  it.effect.each([
    ["ServiceAccount shop/old", { serviceAccountName: "old" }],
    ["PersistentVolumeClaim shop/old", { volumes: [{ name: "d", persistentVolumeClaim: { claimName: "old" } }] }],
    ["PriorityClass old", { priorityClassName: "old" }]
  ])("is refused where its earlier template names %s, which is gone", ([what, spec]) =>
    Effect.gen(function* () {
      const rules = yield* rulesOf(templateOf("web", {}, spec as object), templateOf("web", {}))
      assert.deepStrictEqual(rules, gone("Deployment", what as string))
    })
  )

  it.effect("is refused where its earlier template needs a key that the ConfigMap has no longer", () =>
    Effect.gen(function* () {
      const rules = yield* rulesOf(needing("a"), needing("b"), { objects: [config("cfg", { b: "1" })] })
      assert.include(rules.join(), "needs key a, which ConfigMap shop/cfg does not have")
      assert.deepStrictEqual(yield* rulesOf(needing("a"), needing("b"), { objects: [config("cfg", { a: "1" })] }), [])
    })
  )

  it.effect("is refused where no pod serves behind the host of its earlier template, and some do now", () =>
    Effect.gen(function* () {
      const objects = (replicas: number) => [
        server("db-old", replicas),
        service("db-old"),
        server("db-new"),
        service("db-new")
      ]
      const dead = yield* rulesOf(calling("db-old"), calling("db-new"), { objects: objects(0) })
      assert.include(dead.join(), "refused not-restorable: Deployment shop/web leads to 2 ready pods now")
      assert.deepStrictEqual(yield* rulesOf(calling("db-old"), calling("db-new"), { objects: objects(2) }), [])
    })
  )

  it.effect("is refused where the Service of its earlier host was deleted since the release", () =>
    Effect.gen(function* () {
      const changes = [followed(service("db-old"), undefined, { at: "1970-01-01T00:03:00.000Z" })]
      const rules = yield* rulesOf(calling("db-old"), calling("db-new"), { changes })
      assert.include(rules.join(), "has the host db-old, whose Service was deleted since")
      const before = [followed(service("db-old"), undefined, { at: "1970-01-01T00:01:00.000Z" })]
      assert.deepStrictEqual(yield* rulesOf(calling("db-old"), calling("db-new"), { changes: before }), [])
    })
  )

  it.effect("asks where somebody has changed what its earlier template names since the release", () =>
    Effect.gen(function* () {
      const objects = [config("cfg-old"), config("cfg-new")]
      const changes = [followed(config("cfg-old", { a: "0" }), config("cfg-old"), { at: "1970-01-01T00:03:00.000Z" })]
      const [then, now] = [reading("cfg-old"), reading("cfg-new")]
      assert.deepStrictEqual(yield* rulesOf(then, now, { objects, changes }), ["overtaken"])
      assert.deepStrictEqual(yield* rulesOf(then, now, { objects }), [])
    })
  )

  it.effect("asks where the journal cannot say what has changed, and names differ", () =>
    Effect.gen(function* () {
      const broken = Layer.effect(
        ChangeJournal.ChangeJournal,
        Effect.map(ChangeJournal.ChangeJournal, (journal) => ({
          ...journal,
          list: () =>
            Effect.fail(
              new StorageError({ reason: "unavailable", operation: "list", retryable: true, committed: "no" })
            )
        }))
      ).pipe(Layer.provide(ChangeJournal.layerNone))
      const objects = [config("cfg-old"), config("cfg-new")]
      assert.deepStrictEqual(yield* rulesOf(reading("cfg-old"), reading("cfg-new"), { objects, journal: broken }), [
        "overtaken"
      ])
      const released = (image: string) => templateOf("web", { image })
      assert.deepStrictEqual(yield* rulesOf(released("app:v1"), released("app:v2"), { journal: broken }), [])
      // A word that is the name of no Service is nothing that could have gone.
      const logging = (level: string) => templateOf("web", { env: [{ name: "LOG_LEVEL", value: level }] })
      assert.deepStrictEqual(yield* rulesOf(logging("info"), logging("debug"), { journal: broken }), [])
    })
  )

  it.effect("asks where a Service selects the present pods by labels that the earlier template does not have", () =>
    Effect.gen(function* () {
      const labelled = (track: string) => templateOf("web", {}, {}, { track })
      const objects = [service("web", { track: "b" })]
      assert.deepStrictEqual(yield* rulesOf(labelled("a"), labelled("b"), { objects }), ["fewer-endpoints"])
      assert.deepStrictEqual(yield* rulesOf(labelled("a"), labelled("b"), { objects: [service("web")] }), [])
    })
  )

  it.effect("of a StatefulSet evicts a pod once that is behind a Service of the earlier template, too", () =>
    Effect.gen(function* () {
      const seeds = (value: string, image = "app:v1") => templateOf("web", { image, env: [{ name: "SEEDS", value }] })
      const { evicted } = yield* rolledBack(seeds("web-0.web,web-1.web"), seeds("web-0.web", "app:bad"), {
        kind: "StatefulSet",
        objects: [service("web")]
      })
      assert.deepStrictEqual(evicted, ["web-1"])
    })
  )

  it.effect("reads no more than before where both templates name the same, and one object where they do not", () =>
    Effect.gen(function* () {
      const released = (name: string, image: string) =>
        templateOf("web", { image, envFrom: [{ configMapRef: { name } }], env: [{ name: "DB", value: "db" }] })
      const objects = [config("cfg"), config("cfg-old"), service("db")]
      const same = yield* rolledBack(released("cfg", "app:v1"), released("cfg", "app:v2"), { objects })
      const other = yield* rolledBack(released("cfg-old", "app:v1"), released("cfg", "app:v2"), { objects })
      assert.deepStrictEqual(
        // That of the baseline.
        same.requests.filter((each) => /cfg|Service|list Node/.test(each)),
        ["list Service"]
      )
      assert.deepStrictEqual(
        other.requests.filter((each) => !same.requests.includes(each)),
        ["get cfg-old"]
      )
      assert.deepStrictEqual([same.rules, other.rules], [[], []])
    })
  )
})
