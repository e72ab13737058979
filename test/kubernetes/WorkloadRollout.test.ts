import { assert, describe, it } from "@effect/vitest"
import { failedCreateOf } from "../../src/kubernetes/FailedCreate.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import type { Pod } from "../../src/kubernetes/ObjectModel.ts"
import { rolloutOf } from "../../src/kubernetes/WorkloadRollout.ts"

const at = (minute: number) => `2026-11-24T03:${String(minute).padStart(2, "0")}:00Z`
const stamp = (minute: number) => `2026-11-24T03:${String(minute).padStart(2, "0")}:00.000Z`

const template = (image: string, labels: Record<string, string> = {}) => ({
  metadata: { labels: { app: "web", ...labels } },
  spec: { containers: [{ name: "main", image }] }
})

interface DeploymentOptions {
  readonly image?: string
  readonly generation?: number
  readonly spec?: Record<string, unknown>
  readonly status?: Record<string, unknown>
  readonly progressing?: { readonly status: string; readonly reason: string; readonly minute?: number }
}

const deployment = (options: DeploymentOptions = {}): KubernetesObject => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: {
    name: "web",
    namespace: "shop",
    uid: "uid-web",
    resourceVersion: "7",
    generation: options.generation ?? 2,
    annotations: { "deployment.kubernetes.io/revision": "2" }
  },
  spec: {
    replicas: 3,
    progressDeadlineSeconds: 600,
    selector: { matchLabels: { app: "web" } },
    template: template(options.image ?? "web:2"),
    ...options.spec
  },
  status: {
    observedGeneration: 2,
    replicas: 3,
    updatedReplicas: 3,
    readyReplicas: 3,
    availableReplicas: 3,
    conditions:
      options.progressing === undefined
        ? []
        : [
            {
              type: "Progressing",
              status: options.progressing.status,
              reason: options.progressing.reason,
              lastUpdateTime: at(options.progressing.minute ?? 5)
            }
          ],
    ...options.status
  }
})

const replicaSet = (
  revision: number,
  options: { readonly owner?: string; readonly annotations?: Record<string, string>; readonly status?: unknown } = {}
): KubernetesObject => ({
  apiVersion: "apps/v1",
  kind: "ReplicaSet",
  metadata: {
    name: `web-h${revision}`,
    namespace: "shop",
    uid: `uid-h${revision}`,
    resourceVersion: "7",
    creationTimestamp: at(revision),
    labels: { app: "web", "pod-template-hash": `h${revision}` },
    annotations: { "deployment.kubernetes.io/revision": String(revision), ...options.annotations },
    ownerReferences: [
      { apiVersion: "apps/v1", kind: "Deployment", name: "web", uid: options.owner ?? "uid-web", controller: true }
    ]
  },
  spec: { replicas: 3, template: template(`web:${revision}`, { "pod-template-hash": `h${revision}` }) },
  status: options.status
})

const rollout = (object: KubernetesObject, replicaSets = [replicaSet(1), replicaSet(2)]) =>
  rolloutOf(object, { replicaSets, controllerRevisions: [], pods: [] })

const complete = { status: "True", reason: "NewReplicaSetAvailable" }
const progressing = { status: "True", reason: "ReplicaSetUpdated", minute: 9 }

type Pods = "at once" | "never started" | "later" | "replaced" | "ready"

const controlled = (kind: string) => ({
  ownerReferences: [{ apiVersion: "apps/v1", kind, name: "web", uid: "uid-web", controller: true }]
})

/** A pod of the newest template, made in the first minute: how it has fared. */
const podOfSet = (kind: string, hash: string, fared: Pods): KubernetesObject => {
  const created = fared === "replaced" ? 40 : 1
  const since = { "at once": 3, "never started": created, later: 35, replaced: created, ready: 2 }[fared]
  const status = fared === "ready" ? "True" : "False"
  const restartCount = fared === "at once" ? 3 : fared === "later" ? 2 : 0
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "web-2",
      namespace: "shop",
      uid: "uid-web-2",
      resourceVersion: "7",
      creationTimestamp: at(created),
      labels: { app: "web", "controller-revision-hash": hash },
      ...controlled(kind)
    },
    spec: { containers: [] },
    status: {
      startTime: at(created),
      conditions: [{ type: "Ready", status, lastTransitionTime: at(since) }],
      containerStatuses: [{ name: "main", ready: fared === "ready", restartCount, state: {} }]
    }
  }
}

interface SetOptions {
  readonly numberAvailable?: number
  readonly strategy?: string
  /** Its newest revision is used again, since that minute if the API server recorded it. */
  readonly again?: { readonly since?: number }
}

/** A set of which every pod that its controller may update is updated. */
const rolloutOfSet = (
  kind: "DaemonSet" | "StatefulSet",
  fared: Pods,
  { numberAvailable = 0, strategy = "RollingUpdate", again }: SetOptions
) => {
  const hash = kind === "DaemonSet" ? "h2" : "web-h2"
  const rollingUpdate = again ? {} : kind === "StatefulSet" ? { partition: 2 } : { maxUnavailable: "100%" }
  const set: KubernetesObject = {
    apiVersion: "apps/v1",
    kind,
    metadata: { name: "web", namespace: "shop", uid: "uid-web", resourceVersion: "7", generation: 2 },
    spec: {
      ...(kind === "StatefulSet" ? { replicas: 3 } : {}),
      selector: {},
      template: template("web:2"),
      updateStrategy: { type: strategy, ...(strategy === "OnDelete" ? {} : { rollingUpdate }) }
    },
    status: {
      observedGeneration: 2,
      ...(kind === "DaemonSet"
        ? { desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable }
        : again
          ? { updatedReplicas: 3, availableReplicas: 2, currentRevision: hash, updateRevision: hash }
          : { updatedReplicas: 1, availableReplicas: 2, currentRevision: "web-h1", updateRevision: hash })
    }
  }
  const revision: KubernetesObject = {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: {
      name: "web-h2",
      namespace: "shop",
      uid: "uid-h2",
      resourceVersion: "7",
      creationTimestamp: at(1),
      labels: { "controller-revision-hash": hash },
      ...controlled(kind)
    },
    revision: 2
  }
  if (again) {
    // It was made long before its pods, and was the first; another one came between.
    const { since } = again
    const managedFields = since === undefined ? [] : [{ manager: "kube-controller-manager", time: at(since) }]
    const metadata = { ...revision.metadata, creationTimestamp: "2026-11-23T03:00:00Z", managedFields }
    const between = {
      ...revision,
      metadata: { ...metadata, name: "web-h1", uid: "uid-h1", creationTimestamp: "2026-11-23T04:00:00Z", labels: {} }
    }
    const controllerRevisions: ReadonlyArray<KubernetesObject> = [
      { ...revision, metadata, revision: 3 },
      { ...between, revision: 2 }
    ]
    const pods = [podOfSet(kind, hash, fared)] as unknown as ReadonlyArray<Pod>
    return rolloutOf(set, { replicaSets: [], controllerRevisions, pods })
  }
  const pods = [podOfSet(kind, hash, fared)] as unknown as ReadonlyArray<Pod>
  return rolloutOf(set, { replicaSets: [], controllerRevisions: [revision], pods })
}

describe("WorkloadRollout", () => {
  it.each([
    ["a completed rollout", deployment({ progressing: complete }), false],
    [
      "a completed rollout whose pods fail since",
      deployment({ progressing: complete, status: { readyReplicas: 0, availableReplicas: 0 } }),
      false
    ],
    [
      "a template that the controller has not seen",
      deployment({ progressing: complete, generation: 3, image: "web:3" }),
      true
    ],
    [
      "a rollout whose controller has only counted the old pods",
      deployment({ progressing: complete, status: { updatedReplicas: 0 } }),
      true
    ],
    ["a rollout that progresses", deployment({ progressing, status: { replicas: 4, updatedReplicas: 1 } }), true],
    [
      "a rollout that was given up",
      deployment({ progressing: { status: "False", reason: "ProgressDeadlineExceeded" } }),
      true
    ],
    ["pods that all run, without a deadline", deployment(), false],
    ["pods that do not all run, without a deadline", deployment({ status: { availableReplicas: 2 } }), true],
    [
      "a paused Deployment with all its pods",
      deployment({ spec: { paused: true }, progressing: { status: "Unknown", reason: "DeploymentPaused" } }),
      false
    ]
  ])("%s: in progress %#", (_, object, inProgress) => {
    assert.strictEqual(rollout(object)?.inProgress, inProgress)
  })

  it("finds the newest template's ReplicaSet by the template, not by the number that the Deployment last reported", () => {
    assert.strictEqual(rollout(deployment())?.templateHash, "h2")
    const unseen = deployment({ image: "web:3", generation: 3 })
    assert.isNull(rollout(unseen)?.templateHash, "no ReplicaSet has this template yet")
    assert.strictEqual(rollout(unseen, [replicaSet(2), replicaSet(3)])?.templateHash, "h3")
    const paused = deployment({ image: "web:3", spec: { paused: true } })
    assert.isNull(rollout(paused)?.templateHash, "a paused Deployment makes no ReplicaSet for a new template")
    assert.isNull(rollout(deployment(), [replicaSet(2, { owner: "uid-other" })])?.templateHash)
  })

  it("starts with the ReplicaSet, unless a template came back to its old one", () => {
    assert.strictEqual(rollout(deployment())?.startedAt, stamp(2))
    const reused = replicaSet(2, { annotations: { "deployment.kubernetes.io/revision-history": "1" } })
    assert.isNull(rollout(deployment(), [reused])?.startedAt)
  })

  it("has its last progress from the controller, and none that belongs to an earlier rollout or to the deadline", () => {
    const during = { replicas: 4, updatedReplicas: 1 }
    assert.strictEqual(rollout(deployment({ progressing, status: during }))?.lastProgressAt, stamp(9))
    assert.isNull(rollout(deployment({ progressing: complete, status: during }))?.lastProgressAt)
    const late = deployment({ progressing: { status: "False", reason: "ProgressDeadlineExceeded" }, status: during })
    assert.deepInclude(rollout(late), { lastProgressAt: null, deadlineExceeded: true })
  })

  it("a StatefulSet with a partition or the strategy OnDelete is not in progress with pods that keep their template", () => {
    const set = (updateStrategy: unknown, updatedReplicas: number): KubernetesObject => ({
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata: { name: "db", namespace: "shop", uid: "uid-db", resourceVersion: "7", generation: 2 },
      spec: { replicas: 3, selector: {}, template: template("db:2"), updateStrategy },
      status: { observedGeneration: 2, updatedReplicas, currentRevision: "db-1", updateRevision: "db-2" }
    })
    const partitioned = { type: "RollingUpdate", rollingUpdate: { partition: 2 } }
    assert.deepInclude(rollout(set(partitioned, 1)), { inProgress: false, partition: 2, templateHash: "db-2" })
    assert.isTrue(rollout(set(partitioned, 0))?.inProgress)
    assert.isFalse(rollout(set({ type: "OnDelete" }, 0))?.inProgress)
    assert.isTrue(rollout(set({ type: "RollingUpdate" }, 3))?.inProgress, "its last pod is not ready")
  })

  it.each([
    ["whose pods all fail since they were started", "at once", {}, true],
    ["whose pods are ready", "ready", { numberAvailable: 2 }, false],
    ["whose pods cannot start", "never started", {}, true],
    ["whose pods failed after they had worked", "later", {}, false],
    ["whose pods were replaced long after the rollout", "replaced", {}, false],
    ["with OnDelete, whose new pods fail", "at once", { strategy: "OnDelete" }, false]
  ] as const)("a DaemonSet %s: in progress %#", (_, pods, options, inProgress) => {
    assert.strictEqual(rolloutOfSet("DaemonSet", pods, options)?.inProgress, inProgress)
  })

  it("the updated pod of a StatefulSet with a partition that fails since it was started is a rollout that has not ended", () => {
    assert.isTrue(rolloutOfSet("StatefulSet", "at once", {})?.inProgress)
    assert.isFalse(rolloutOfSet("StatefulSet", "later", {})?.inProgress)
    assert.isFalse(rolloutOfSet("StatefulSet", "at once", { strategy: "OnDelete" })?.inProgress)
  })

  it.each([
    ["DaemonSet", "all fail since they were started", "at once", {}, true],
    ["DaemonSet", "all fail since they were started, as recorded", "at once", { since: 1 }, true],
    ["DaemonSet", "cannot start", "never started", {}, true],
    ["DaemonSet", "are ready", "ready", {}, false],
    ["DaemonSet", "failed after they had worked", "later", {}, false],
    ["DaemonSet", "were replaced long after it was used again", "replaced", { since: 1 }, false],
    ["StatefulSet", "all fail since they were started", "at once", {}, true],
    ["StatefulSet", "cannot start", "never started", { since: 1 }, true],
    ["StatefulSet", "are ready", "ready", {}, false],
    ["StatefulSet", "failed after they had worked", "later", {}, false],
    ["StatefulSet", "were replaced long after it was used again", "replaced", { since: 1 }, false]
  ] as const)(
    "the old revision of a %s that is used again, whose pods %s: in progress %#",
    (kind, _, pods, again, inProgress) => {
      const numberAvailable = pods === "ready" ? 2 : 0
      assert.strictEqual(rolloutOfSet(kind, pods, { again, numberAvailable })?.inProgress, inProgress)
    }
  )

  it("a Deployment that is paused with failing pods of its newest template is in progress, and paused", () => {
    const paused = deployment({ spec: { paused: true }, status: { readyReplicas: 0, availableReplicas: 0 } })
    assert.deepInclude(rollout({ ...paused, status: { ...paused["status"]!, updatedReplicas: 1 } } as never), {
      inProgress: true,
      paused: true
    })
  })

  it("says why pods cannot be created, from the Deployment or from one of its own ReplicaSets", () => {
    const failure = {
      conditions: [
        {
          type: "ReplicaFailure",
          status: "True",
          reason: "FailedCreate",
          message: "exceeded quota: q, limited: pods=3"
        }
      ]
    }
    assert.include(failedCreateOf(deployment({ status: failure }), []), "exceeded quota: q")
    assert.include(failedCreateOf(deployment(), [replicaSet(2, { status: failure })]), "exceeded quota: q")
    assert.isNull(failedCreateOf(deployment(), [replicaSet(2, { owner: "uid-other", status: failure })]))
    assert.isNull(failedCreateOf(deployment(), [replicaSet(2)]))
  })
})
