/** Plans on the sandbox that depend on what is around the object: that it is read, and what follows from it. */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Random } from "effect"
import * as ChangeJournal from "../../src/changes/ChangeJournal.ts"
import type { ObjectChange } from "../../src/domain/ObjectChange.ts"
import * as Executor from "../../src/execution/Executor.ts"
import { mostLater } from "../../src/execution/LaterChanges.ts"
import { KubernetesClient, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { inTime } from "./faults.ts"
import { changeId, followed, recorded } from "./restoring.ts"

const on = (kind: string, name: string, rest: object): KubernetesObject =>
  ({
    apiVersion: "v1",
    kind,
    metadata: { namespace: "shop", name, uid: `uid-${name}`, resourceVersion: "1" },
    ...rest
  }) as never

const deployment = (name: string, spec: object = {}, replicas = 2) => {
  const labels = { app: name }
  const template = { metadata: { labels }, spec: { containers: [{ name: "app", image: "app:v1" }], ...spec } }
  return on("Deployment", name, { spec: { replicas, selector: { matchLabels: labels }, template } })
}
const service = (name: string, app = name) =>
  on("Service", name, { spec: { selector: { app }, ports: [{ port: 80, targetPort: 8080 }] } })
const ingress = (to: string, number = 80) =>
  on("Ingress", "site", { spec: { defaultBackend: { service: { name: to, port: { number } } } } })
const config = (data: object) => on("ConfigMap", "config", { data })
const reading = (key: string) => ({
  containers: [
    { name: "app", image: "app:v1", env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "config", key } } }] }
  ]
})

const sandbox = Layer.effect(
  KubernetesClient,
  Sandbox.make({ shop: false, deployments: [{ namespace: "shop", name: "neighbour", behaviour: "healthy" }] }).pipe(
    Random.withSeed("surroundings")
  )
)

/** What the plan says that takes a change back, on a cluster of these objects. The later object is made after it. */
const planned = Effect.fnUntraced(function* (
  before: KubernetesObject | undefined,
  now: KubernetesObject | undefined,
  objects: ReadonlyArray<KubernetesObject>,
  later?: KubernetesObject,
  more: ReadonlyArray<ObjectChange> = []
) {
  const client = yield* KubernetesClient
  const make = ({ metadata: { name, namespace }, ...rest }: KubernetesObject) =>
    client.apply({
      _tag: "Create",
      ref: { namespace: namespace!, kind: rest.kind, name },
      manifest: { ...rest, metadata: { name, namespace } } as never
    })
  const made = now === undefined ? undefined : yield* make(now)
  yield* Effect.forEach([...objects, ...(later === undefined ? [] : [later])], make)
  yield* Effect.sleep("2 minutes")
  const change: ObjectChange = recorded(before, now, {
    uid: made?.metadata.uid ?? "gone",
    at: "1970-01-01T00:00:00.000Z"
  })
  const changes = [change, ...(later === undefined ? [] : [followed(undefined, later)]), ...more]
  const draft = Effect.flatMap(Executor.Executor, (executor) =>
    executor.draft({
      action: { type: "RestoreObject", target: change.ref, change: changeId },
      target: { cluster: "test", namespace: "shop", kind: "Deployment", name: "green" },
      remediationId: "r1",
      executionId: "r1-1",
      epoch: 1
    })
  ).pipe(
    Effect.map(({ asks }) => asks.map(({ rule }) => rule as string)),
    Effect.catchTag("PlanRefused", ({ message, rule }) => Effect.succeed([`refused ${rule}: ${message}`]))
  )
  return yield* Effect.provide(draft, Executor.layer().pipe(Layer.provide(ChangeJournal.layerMemory({ changes }))))
})

type Scene = readonly [
  what: string,
  said: string | undefined,
  before: KubernetesObject | undefined,
  now: KubernetesObject | undefined,
  objects: ReadonlyArray<KubernetesObject>,
  later?: KubernetesObject
]

const both = [deployment("blue"), deployment("green")]
const scenes: ReadonlyArray<Scene> = [
  [
    "A Service is not sent back to pods that somebody has taken away",
    "leads to 2 ready pods now, and its earlier state would lead to 0",
    service("web", "blue"),
    service("web", "green"),
    [deployment("blue", {}, 0), deployment("green")]
  ],
  ["A Service is sent back to pods that serve", undefined, service("web", "blue"), service("web", "green"), both],
  ["A Service is sent back from nobody", undefined, service("web", "green"), service("web", "geren"), both],
  [
    "An Ingress is not sent back to a Service that is gone",
    "names Service shop/blue, which does not exist",
    ingress("blue"),
    ingress("green"),
    [...both, service("green")]
  ],
  [
    "An Ingress is not sent back to a Service without pods",
    "would lead to 0",
    ingress("blue"),
    ingress("green"),
    [deployment("green"), service("green"), service("blue")]
  ],
  [
    "An Ingress is sent back to a Service that serves",
    undefined,
    ingress("blue"),
    ingress("green"),
    [...both, service("green"), service("blue")]
  ],
  [
    "An Ingress is not sent back to a port that its Service does not have any more",
    "has no port 8080",
    ingress("green", 8080),
    ingress("green"),
    [deployment("green"), service("green")]
  ],
  [
    "A ConfigMap is not sent back to the host of a Service without pods",
    "would lead to 0",
    config({ url: "http://blue:80" }),
    config({ url: "http://green:80" }),
    [deployment("blue", {}, 0), deployment("green"), service("green"), service("blue")]
  ],
  [
    "A ConfigMap is sent back to the host of a Service that serves",
    undefined,
    config({ url: "http://blue:80" }),
    config({ url: "http://green:80" }),
    [...both, service("green"), service("blue")]
  ],
  [
    "A host of a Service is put back in place of one that nobody has",
    undefined,
    config({ url: "http://blue:80" }),
    config({ url: "http://bleu.other.svc:80" }),
    [...both, service("blue")]
  ],
  [
    "Two hosts that a failover has swapped are not swapped back to one without pods",
    "A part of ConfigMap shop/config leads to 2 ready pods now, and its earlier state would lead to 0",
    config({ "db.yaml": "primary: blue\nreplica: green\n" }),
    config({ "db.yaml": "primary: green\nreplica: blue\n" }),
    [deployment("blue", {}, 0), deployment("green"), service("green"), service("blue")]
  ],
  [
    "A Service is not sent back to its pods that are gone from the host of one that serves",
    "leads to 2 ready pods now, and its earlier state would lead to 0",
    service("web", "blue"),
    on("Service", "web", {
      spec: { type: "ExternalName", externalName: "green.shop.svc.cluster.local", ports: [{ port: 80 }] }
    }),
    [deployment("blue", {}, 0), deployment("green"), service("green")]
  ],
  [
    "An Ingress asks to be created again that leads to a Service without pods",
    "fewer-endpoints",
    ingress("blue"),
    undefined,
    [deployment("blue", {}, 0), service("blue")]
  ],
  [
    "An Ingress is created again that leads to a Service that serves",
    undefined,
    ingress("blue"),
    undefined,
    [...both, service("blue")]
  ],
  [
    "A workload is not sent back to a ConfigMap that is gone",
    "names ConfigMap shop/config, which does not exist",
    deployment("green", reading("a")),
    deployment("green"),
    []
  ],
  [
    "A key is not taken away from another workload that needs it",
    "Containers of Deployment shop/worker do not start without key b",
    config({ a: "1" }),
    config({ a: "1", b: "2" }),
    [deployment("worker", reading("b"))]
  ],
  [
    "A value asks where a workload that reads it was created since",
    "relied-on",
    config({ a: "1" }),
    config({ a: "2" }),
    [],
    deployment("worker", reading("a"))
  ],
  [
    "A value is put back for those who read it before",
    undefined,
    config({ a: "1" }),
    config({ a: "2" }),
    [deployment("worker", reading("a"))]
  ],
  [
    "A workload asks to be created again beside its successor",
    "replaced",
    deployment("web"),
    undefined,
    [
      on("Deployment", "web-v2", {
        spec: {
          selector: { matchLabels: { app: "web", v: "2" } },
          template: {
            metadata: { labels: { app: "web", v: "2" } },
            spec: { containers: [{ name: "app", image: "app:v1" }] }
          }
        }
      })
    ]
  ],
  ["A workload is created again beside its neighbours", undefined, deployment("web"), undefined, both]
]

describe("a change that is taken back on a cluster", () => {
  it.effect.each(scenes)("%s", ([, said, before, now, objects, later]) =>
    Effect.gen(function* () {
      const says = yield* inTime(planned(before, now, objects, later))
      if (said === undefined) assert.deepStrictEqual(says, [])
      else assert.include(says.join("; "), said)
    }).pipe(Effect.provide(sandbox))
  )
})

describe("more later changes than are read", () => {
  const ours = { ...followed(undefined, service("other")), by: { kind: "kubernaut", name: "kubernaut" } } as const
  const says = (count: number) =>
    inTime(
      planned(
        config({ host: "a" }),
        config({ host: "b" }),
        [],
        undefined,
        Array.from({ length: count }, () => ours)
      )
    )

  it.effect.each([
    [mostLater - 1, ["overtaken"]],
    [mostLater - 2, []]
  ] as const)("make a plan ask, also where those that are read are ours: %s", ([count, asks]) =>
    Effect.gen(function* () {
      // The change itself is one of those that are read.
      assert.deepStrictEqual(yield* says(count), [...asks])
    }).pipe(Effect.provide(sandbox))
  )
})
