import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { WorkloadState } from "../../src/domain/WorkloadState.ts"
import { KubernetesError, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import type { ContainerState, Pod } from "../../src/kubernetes/ObjectModel.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { assemble, type Observation, readWorkload } from "../../src/kubernetes/WorkloadReader.ts"

const at = "2026-11-24T03:00:00.000Z"

type Metadata = KubernetesObject["metadata"]

const object = (
  kind: string,
  name: string,
  metadata: Partial<Metadata> = {},
  rest: Record<string, unknown> = {}
): KubernetesObject => ({
  apiVersion: "v1",
  kind,
  metadata: { namespace: "shop", uid: `uid-${name}`, resourceVersion: "7", ...metadata, name },
  ...rest
})

const ownedBy = (kind: string, name: string): Partial<Metadata> => ({
  ownerReferences: [{ apiVersion: "apps/v1", kind, name, uid: `uid-${name}`, controller: true }]
})

interface PodOptions {
  readonly ready?: boolean
  readonly restarts?: number
  readonly state?: ContainerState
  readonly lastState?: ContainerState
  readonly metadata?: Partial<Metadata>
  readonly phase?: string
}

const pod = (
  name: string,
  owner: string,
  { ready = true, restarts = 0, state = {}, lastState = {}, metadata = {}, phase = "Running" }: PodOptions = {}
): Pod =>
  object(
    "Pod",
    name,
    { labels: { app: "web" }, ...ownedBy("ReplicaSet", owner), ...metadata },
    {
      spec: { containers: [{ name: "main" }] },
      status: {
        phase,
        conditions: [
          { type: "Ready", status: ready ? "True" : "False", ...(ready ? {} : { reason: "ContainersNotReady" }) }
        ],
        containerStatuses: [{ name: "main", ready, restartCount: restarts, state, lastState }]
      }
    }
  ) as Pod

const web = object(
  "Deployment",
  "web",
  { generation: 4, annotations: { "deployment.kubernetes.io/revision": "12" } },
  {
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web", tier: "front" } }, spec: { containers: [] } }
    },
    status: {
      observedGeneration: 3,
      replicas: 4,
      readyReplicas: 2,
      updatedReplicas: 1,
      conditions: [{ type: "Available", status: "True", reason: "MinimumReplicasAvailable", message: "long text" }]
    }
  }
)

const state = (observation: Partial<Observation>, of: KubernetesObject = web): WorkloadState =>
  assemble({ ref: { namespace: "shop", kind: of.kind, name: of.metadata.name }, object: of, ...observation }, at)

const slice = (
  service: string,
  endpoints: ReadonlyArray<readonly [uid: string, ready: boolean | undefined, terminating?: boolean]>
) =>
  object(
    "EndpointSlice",
    `${service}-x`,
    { labels: { "kubernetes.io/service-name": service } },
    {
      endpoints: endpoints.map(([uid, ready, terminating], index) => ({
        addresses: [`10.0.0.${index}`],
        conditions: {
          ...(ready === undefined ? {} : { ready }),
          ...(terminating === undefined ? {} : { terminating })
        },
        targetRef: { kind: "Pod", uid: `uid-${uid}` }
      }))
    }
  )

const service = (name: string, selector?: Record<string, string>) =>
  object("Service", name, {}, { spec: selector === undefined ? {} : { selector } })

describe("WorkloadReader", () => {
  it("returns a state with exists: false for an absent object", () => {
    const absent = assemble({ ref: { namespace: "shop", kind: "Deployment", name: "gone" }, object: undefined }, at)
    assert.isFalse(absent.exists)
    assert.isNull(absent.readyReplicas)
    assert.isEmpty(absent.pods)
  })

  it("takes counts from spec and status, and reads an omitted count as 0", () => {
    assert.deepInclude(state({}), {
      exists: true,
      uid: "uid-web",
      resourceVersion: "7",
      generation: 4,
      observedGeneration: 3,
      desiredReplicas: 3,
      readyReplicas: 2,
      updatedReplicas: 1,
      availableReplicas: 0,
      revision: 12
    })
    assert.deepStrictEqual(state({}).conditions, [
      { type: "Available", status: "True", reason: "MinimumReplicasAvailable" }
    ])
  })

  it("counts only the pods that the workload owns, whatever their labels", () => {
    const observed = state({
      replicaSets: [
        object("ReplicaSet", "web-1", ownedBy("Deployment", "web")),
        object("ReplicaSet", "web-admin-1", ownedBy("Deployment", "web-admin"))
      ],
      pods: [
        pod("web-1-a", "web-1", { restarts: 3 }),
        pod("web-admin-1-a", "web-admin-1", { restarts: 50 }),
        pod("bare", "web-1", { metadata: { ownerReferences: [] }, restarts: 50 }),
        pod("leaving", "web-1", { metadata: { deletionTimestamp: "2026-11-24T02:59:59Z" }, restarts: 50 }),
        pod("evicted", "web-1", { phase: "Failed", restarts: 50 })
      ]
    })
    assert.deepStrictEqual(
      observed.pods.map((each) => each.name),
      ["web-1-a"]
    )
    assert.strictEqual(observed.restarts, 3)
  })

  it("keeps a hundred pods, the ones that are not ready first, and counts the restarts of all", () => {
    const observed = state({
      replicaSets: [object("ReplicaSet", "web-1", ownedBy("Deployment", "web"))],
      pods: Array.from({ length: 250 }, (_, index) =>
        pod(`web-1-${index}`, "web-1", { ready: index !== 249, restarts: 2 })
      )
    })
    assert.lengthOf(observed.pods, 100)
    assert.strictEqual(observed.pods[0]!.name, "web-1-249")
    assert.strictEqual(observed.restarts, 500)
  })

  it("counts the workload's own ready pods behind the Services that select them, each once", () => {
    const observed = state({
      replicaSets: [object("ReplicaSet", "web-1", ownedBy("Deployment", "web"))],
      pods: [pod("a", "web-1"), pod("b", "web-1"), pod("c", "web-1"), pod("d", "web-1")],
      services: [
        service("web", { app: "web" }),
        service("web-metrics", { tier: "front" }),
        service("other", { app: "other" }),
        service("headless")
      ],
      endpointSlices: [
        slice("web", [
          ["a", true],
          ["b", false],
          ["c", undefined],
          ["d", true, true],
          ["foreign", true]
        ]),
        slice("web-metrics", [["a", true]]),
        slice("other", [["b", true]])
      ]
    })
    assert.strictEqual(observed.endpoints, 2)
  })

  it("has null endpoints, not 0, when no Service selects the workload", () => {
    assert.isNull(
      state({ services: [service("other", { app: "other" }), service("headless"), service("everything", {})] })
        .endpoints
    )
    assert.strictEqual(state({ services: [service("web", { app: "web" })] }).endpoints, 0)
  })

  it("attributes an autoscaler only to the target that it names, by kind and name", () => {
    const autoscaler = (kind: string, name: string) =>
      object("HorizontalPodAutoscaler", `hpa-${name}`, {}, { spec: { scaleTargetRef: { kind, name }, maxReplicas: 5 } })
    const owned = state({
      autoscalers: [
        autoscaler("StatefulSet", "web"),
        autoscaler("Deployment", "web-admin"),
        autoscaler("Deployment", "web")
      ]
    })
    assert.strictEqual(owned.autoscaler, "hpa-web")
    assert.deepStrictEqual(owned.managers, ["hpa"])
    assert.isNull(state({ autoscalers: [autoscaler("StatefulSet", "web")] }).autoscaler)
  })

  it("gives schedulability, and no replicas, for a node", () => {
    assert.deepInclude(state({}, object("Node", "node-1", {}, { spec: { unschedulable: true } })), {
      unschedulable: true,
      desiredReplicas: null,
      restarts: null,
      endpoints: null
    })
    assert.isFalse(state({}, object("Node", "node-1", {}, { spec: {} })).unschedulable)
    assert.isNull(state({}).unschedulable)
  })

  it("takes the counts of a DaemonSet from its numbers of scheduled pods", () => {
    const daemonSet = object(
      "DaemonSet",
      "proxy",
      {},
      { spec: {}, status: { desiredNumberScheduled: 3, numberReady: 2, updatedNumberScheduled: 3 } }
    )
    assert.deepInclude(state({}, daemonSet), {
      desiredReplicas: 3,
      readyReplicas: 2,
      updatedReplicas: 3,
      availableReplicas: 0
    })
  })

  it.effect("reads a Deployment with one get, four lists, and one list for each Service that selects it", () => {
    const requests: Array<string> = []
    const counted = Sandbox.layer({
      intercept: ({ verb, kind }, request) =>
        Effect.suspend(() => {
          requests.push(`${verb} ${kind}`)
          return request
        })
    })
    return Effect.gen(function* () {
      const observed = yield* readWorkload({ namespace: "shop", kind: "Deployment", name: "checkout" })
      assert.strictEqual(observed.endpoints, 3)
      assert.deepStrictEqual(requests, [
        "get Deployment",
        "list ReplicaSet",
        "list Pod",
        "list Service",
        "list HorizontalPodAutoscaler",
        "list EndpointSlice"
      ])
    }).pipe(Effect.provide(counted))
  })

  it.effect(
    "reads a DaemonSet without the right to read its revisions, and then does not know which pods are current",
    () => {
      const refusing = Sandbox.layer({
        intercept: ({ kind }, request) =>
          kind === "ControllerRevision"
            ? Effect.fail(
                new KubernetesError({
                  reason: { _tag: "Forbidden" },
                  operation: "list ControllerRevision",
                  applied: "no",
                  retryable: false
                })
              )
            : request
      })
      return Effect.gen(function* () {
        const observed = yield* readWorkload({ namespace: "kube-system", kind: "DaemonSet", name: "kube-proxy" })
        assert.isAbove(observed.pods.length, 0)
        assert.isTrue(observed.pods.every(({ current, ready }) => ready && current === null))
        assert.isNull(observed.earlierRevisions, "what RBAC hides is not none")
      }).pipe(Effect.provide(refusing))
    }
  )

  it.effect("lists the revisions that a rollback could restore: none of a first one, and null of a node", () =>
    Effect.gen(function* () {
      const earlierOf = (kind: string, name: string, namespace = "shop") =>
        Effect.map(readWorkload({ namespace, kind, name }), ({ earlierRevisions }) => earlierRevisions)
      assert.deepStrictEqual(yield* earlierOf("Deployment", "checkout"), [2, 1])
      assert.deepStrictEqual(yield* earlierOf("StatefulSet", "orders-db"), [])
      assert.deepStrictEqual(yield* earlierOf("DaemonSet", "kube-proxy", "kube-system"), [])
      assert.isNull(yield* earlierOf("Node", "node-1", ""))
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("fails when a list is refused, instead of returning an incomplete state", () => {
    const refusing = Sandbox.layer({
      intercept: ({ kind }, request) =>
        kind === "HorizontalPodAutoscaler"
          ? Effect.fail(
              new KubernetesError({
                reason: { _tag: "Forbidden" },
                operation: "list HorizontalPodAutoscaler",
                applied: "no",
                retryable: false
              })
            )
          : request
    })
    return Effect.gen(function* () {
      const error = yield* Effect.flip(readWorkload({ namespace: "shop", kind: "Deployment", name: "checkout" }))
      assert.strictEqual(error.reason._tag, "Forbidden")
    }).pipe(Effect.provide(refusing))
  })

  it.effect("states of an earlier version, without revisions and rollout, can still be decoded", () =>
    Effect.gen(function* () {
      const {
        failedCreate: _create,
        rollout: _rollout,
        pods,
        ...rest
      } = state({
        replicaSets: [object("ReplicaSet", "web-1", ownedBy("Deployment", "web"))],
        pods: [pod("web-1-a", "web-1")]
      })
      const earlier = {
        ...rest,
        pods: pods.map(({ name, ready, reason, restarts, uid }) => ({ name, uid, ready, restarts, reason }))
      }
      assert.deepStrictEqual(yield* Schema.decodeEffect(WorkloadState)(earlier), earlier)
    })
  )
})
