import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { outagesOf } from "../../src/changes/Outages.ts"
import type { ObjectChange } from "../../src/domain/ObjectChange.ts"
import type { WorkloadState } from "../../src/domain/WorkloadState.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { find, shop } from "./finding.ts"
import { object, refTo } from "./objects.ts"
import { alert, broken, container, modified, ref, state, target } from "./scenes.ts"

const config = modified(ref("ConfigMap", "checkout"), -20, ["data", "url"])
const image = (after = "registry.example/checkout:v2") =>
  modified(target, -20, container("image"), { before: "registry.example/checkout:v1", after })

const node = (name: string, zone: string, ready = true): KubernetesObject => {
  const made = object("Node", name, { status: { conditions: [{ type: "Ready", status: ready ? "True" : "Unknown" }] } })
  return { ...made, metadata: { ...made.metadata, labels: { "topology.kubernetes.io/zone": zone } } }
}

interface Container {
  readonly reason?: string
  readonly message?: string
  readonly image?: string
}

const podOn = (name: string, nodeName: string | undefined, waiting: Container = {}): KubernetesObject => {
  const { image = "registry.example/checkout:v1", ...state } = waiting
  const made = object("Pod", name, {
    spec: { containers: [{ name: "app", image }], ...(nodeName === undefined ? {} : { nodeName }) },
    status: {
      conditions: [{ type: "Ready", status: "False" }],
      containerStatuses: [{ name: "app", ready: false, restartCount: 0, state: { waiting: state } }]
    }
  })
  return { ...made, metadata: { ...made.metadata, uid: `uid-${name}` } }
}

const failing = (reason: string): WorkloadState =>
  state({ pods: [broken("checkout-1", reason, -10), broken("checkout-2", reason, -10)] })
const notReady = failing("NodeNotReady")

const nodes = [node("a-1", "a", false), node("a-2", "a", false), node("b-1", "b")]
const found = (
  surroundings: { readonly nodes?: ReadonlyArray<KubernetesObject>; readonly pods: ReadonlyArray<KubernetesObject> },
  suspects: ReadonlyArray<ObjectChange> = [config],
  observed: WorkloadState = notReady,
  of = target
) => outagesOf({ target: of, observed, suspects }, { nodes: [node("b-1", "b")], ...surroundings })

describe("an outage of nodes explains the symptom as well as a change", () => {
  it("if all pods that are not ready are on nodes that are not ready, and says whether a whole zone is down", () => {
    const all = found({ nodes, pods: [podOn("checkout-1", "a-1"), podOn("checkout-2", "a-2")] })
    assert.deepStrictEqual(all, [
      "The pods that are not ready are on nodes that are not ready: a-1, a-2. No node of zone a is ready."
    ])
    const some = [node("a-1", "a", false), node("a-2", "a")]
    assert.deepStrictEqual(found({ nodes: some, pods: [podOn("checkout-1", "a-1")] }), [
      "The pods that are not ready are on nodes that are not ready: a-1."
    ])
  })

  it("if the node of such a pod is gone", () => {
    assert.include(found({ nodes, pods: [podOn("checkout-1", "gone")] })[0], "gone")
  })

  it("if pods wait for a node while a whole zone is down, and not while single nodes are", () => {
    const pods = [podOn("checkout-1", undefined)]
    assert.include(found({ nodes, pods })[0], "No node of zone a is ready")
    assert.deepStrictEqual(found({ nodes: [node("a-1", "a", false), node("a-2", "a")], pods }), [])
  })

  it("if pods of the namespace of a Service are on nodes that are not ready", () => {
    const pods = [podOn("checkout-1", "a-1"), podOn("other", "b-1")]
    assert.lengthOf(found({ nodes, pods }, [config], state({ pods: [] }), ref("Service", "checkout")), 1)
  })

  it("and does not if one of the failing pods is on a node that is ready, or others fail there", () => {
    assert.deepStrictEqual(found({ nodes, pods: [podOn("checkout-1", "a-1"), podOn("checkout-2", "b-1")] }), [])
    assert.deepStrictEqual(found({ nodes, pods: [podOn("checkout-1", "b-1"), podOn("other", "a-1")] }), [])
  })
})

describe("an outage of a registry explains the symptom as well as a change", () => {
  const observed = failing("ImagePullBackOff")
  const pull = (message: string, name = "checkout-1") => podOn(name, "b-1", { reason: "ErrImagePull", message })
  const out = ["The registry registry.example cannot be reached."]

  it.each([
    'failed to do request: Head "https://registry.example/v2/checkout/manifests/v2": dial tcp: i/o timeout',
    "dial tcp: lookup registry.example: no such host",
    "unexpected status from HEAD request to https://registry.example/v2/: 503 Service Unavailable",
    "toomanyrequests: You have reached your pull rate limit"
  ])("if the kubelet could not reach it: %s", (message) => {
    for (const suspect of [config, image()])
      assert.deepStrictEqual(found({ pods: [pull(message)] }, [suspect], observed), out)
  })

  it.each([
    "rpc error: code = NotFound desc = registry.example/checkout:v2: not found",
    "failed to authorize: 401 Unauthorized",
    'Back-off pulling image "registry.example/checkout:500"',
    ""
  ])("and does not if it responds, or nothing is said: %s", (message) => {
    assert.deepStrictEqual(found({ pods: [pull(message)] }, [image()], observed), [])
  })

  it("if other pods cannot pull from it either, where the change is a new image", () => {
    const pods = [pull(""), pull("", "payment-1")]
    assert.deepStrictEqual(found({ pods }, [image()], observed), [
      "Other pods cannot pull from the registry registry.example either."
    ])
    assert.deepStrictEqual(found({ pods }, [config], observed), [])
  })

  it("if the pods of the earlier template cannot pull from it either", () => {
    const [first, second] = observed.pods
    const both = {
      ...observed,
      pods: [
        { ...first!, current: true },
        { ...second!, current: false }
      ]
    }
    assert.lengthOf(found({ pods: [pull(""), pull("", "checkout-2")] }, [image()], both), 1)
    assert.deepStrictEqual(found({ pods: [pull(""), pull("", "checkout-2")] }, [image()], observed), [])
  })

  it("and does not if the change itself has named that registry", () => {
    const pods = [
      podOn("checkout-1", "b-1", {
        reason: "ErrImagePull",
        message: "no such host",
        image: "regsitry.example/checkout:v1"
      })
    ]
    assert.deepStrictEqual(found({ pods }, [image("regsitry.example/checkout:v1")], observed), [])
  })
})

describe("the suspects of an alert", () => {
  const cluster = { objects: [...shop, ...nodes, podOn("checkout-1", "a-1"), podOn("checkout-2", "a-2")] }
  const changed = [modified(target, -20, container("env"), { before: [], after: ["x"] })]
  const fired = alert("KubePodNotReady")

  it.effect("come with the outage that may be the cause as well", () =>
    Effect.gen(function* () {
      const { finding, outages } = yield* find({ changes: changed }, cluster, fired, notReady)
      assert.deepStrictEqual([finding, outages?.length], ["one", 1])
    })
  )

  it.effect("come with a doubt where that could not be read", () =>
    Effect.gen(function* () {
      const { finding, outages } = yield* find(
        { changes: changed },
        { ...cluster, failing: { Node: "Forbidden" } },
        fired,
        notReady
      )
      assert.deepStrictEqual([finding, outages], ["one", ["It could not be read whether nodes or a registry fail."]])
    })
  )

  it.effect("cost no request for it where all pods are ready, or nothing is suspected", () =>
    Effect.gen(function* () {
      const asked = (requests: ReadonlyArray<string>) => requests.filter((kind) => kind === "Node" || kind === "Pod")
      const well = yield* find({ changes: changed }, cluster, alert("HighErrorRate"))
      assert.deepStrictEqual([well.finding, asked(well.requests)], ["one", []])
      const old = modified(refTo("ConfigMap", "of-others"), -5, ["data", "a"])
      const none = yield* find({ changes: [old] }, cluster, fired, notReady)
      assert.deepStrictEqual([none.finding, asked(none.requests)], ["nothing-changed", []])
    })
  )
})
