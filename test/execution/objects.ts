/** Kubernetes objects as an API server returns them, for pure plans. */

import { JsonPatch } from "effect"
import type { Change } from "../../src/domain/Change.ts"
import type { PlanContext } from "../../src/execution/Plan.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"

type Metadata = Partial<KubernetesObject["metadata"]>

const object = (
  kind: string,
  name: string,
  namespace: string | undefined,
  metadata: Metadata,
  rest: object
): KubernetesObject => ({
  apiVersion: "v1",
  kind,
  metadata: {
    name,
    uid: `uid-${name}`,
    resourceVersion: "41",
    ...(namespace === undefined ? {} : { namespace }),
    ...metadata
  },
  ...rest
})

export const template = (image: string, change: object = {}, labels: Readonly<Record<string, string>> = {}) => ({
  metadata: { labels: { app: "checkout", ...labels } },
  spec: {
    containers: [
      { name: "app", image, resources: { requests: { memory: "128Mi", cpu: "100m" }, limits: { memory: "256Mi" } } },
      { name: "proxy", image: "proxy:1" }
    ],
    ...change
  }
})

export const deployment = (spec: object = {}, metadata: Metadata = {}): KubernetesObject =>
  object(
    "Deployment",
    "checkout",
    "shop",
    { annotations: { "deployment.kubernetes.io/revision": "3" }, ...metadata },
    {
      spec: { replicas: 3, selector: { matchLabels: { app: "checkout" } }, template: template("app:3"), ...spec }
    }
  )

/** A Deployment with two ready pods. */
export const serving = (spec: object = {}): KubernetesObject => ({ ...deployment(spec), status: { readyReplicas: 2 } })

export const replicaSet = (revision: number, image = `app:${revision}`, metadata: Metadata = {}): KubernetesObject =>
  object(
    "ReplicaSet",
    `checkout-${revision}`,
    "shop",
    {
      annotations: { "deployment.kubernetes.io/revision": String(revision) },
      ownerReferences: [
        { apiVersion: "apps/v1", kind: "Deployment", name: "checkout", uid: "uid-checkout", controller: true }
      ],
      ...metadata
    },
    {
      spec: {
        selector: { matchLabels: { app: "checkout", "pod-template-hash": `h${revision}` } },
        template: template(image, {}, { "pod-template-hash": `h${revision}` })
      }
    }
  )

export const statefulSet = (spec: object = {}): KubernetesObject =>
  object(
    "StatefulSet",
    "db",
    "shop",
    {},
    { spec: { replicas: 2, selector: { matchLabels: { app: "checkout" } }, template: template("db:1"), ...spec } }
  )

export const daemonSet = (spec: object = {}): KubernetesObject =>
  object(
    "DaemonSet",
    "agent",
    "shop",
    {},
    { spec: { selector: { matchLabels: { app: "checkout" } }, template: template("agent:1"), ...spec } }
  )

/** A revision of the StatefulSet `db` or the DaemonSet `agent`, as the API server stores it. */
export const controllerRevision = (of: KubernetesObject, revision: number, image: string): KubernetesObject => ({
  ...object(
    "ControllerRevision",
    `${of.metadata.name}-h${revision}`,
    "shop",
    {
      labels: { app: "checkout", ...(of.kind === "DaemonSet" ? { "controller-revision-hash": `h${revision}` } : {}) },
      ownerReferences: [{ apiVersion: "apps/v1", kind: of.kind, controller: true, ...nameAndUid(of) }]
    },
    {}
  ),
  revision,
  data: {
    spec: {
      template: {
        ...template(image),
        metadata: { creationTimestamp: null, labels: { app: "checkout" } },
        $patch: "replace"
      }
    }
  }
})

const nameAndUid = ({ metadata: { name, uid } }: KubernetesObject) => ({ name, uid })

/** A pod of the StatefulSet `db`, of one of its revisions. */
export const memberOf = (revision: number, ordinal: number, isReady: boolean, metadata: Metadata = {}) =>
  pod(
    `db-${ordinal}`,
    {
      labels: { app: "checkout", "controller-revision-hash": `db-h${revision}` },
      ownerReferences: owner("StatefulSet", "db"),
      ...metadata
    },
    {},
    { phase: "Running", conditions: [{ type: "Ready", status: isReady ? "True" : "False" }] }
  )

export const autoscaler = (spec: object = {}): KubernetesObject =>
  object(
    "HorizontalPodAutoscaler",
    "checkout",
    "shop",
    {},
    {
      spec: { scaleTargetRef: { kind: "Deployment", name: "checkout" }, maxReplicas: 5, ...spec }
    }
  )

export const owner = (kind: string, name: string) => [
  { apiVersion: "apps/v1", kind, name, uid: `uid-${name}`, controller: true }
]

export const pod = (
  name: string,
  metadata: Metadata = {},
  spec: object = {},
  status: object = { phase: "Running" }
): KubernetesObject =>
  object(
    "Pod",
    name,
    "shop",
    {
      labels: { app: "checkout", "pod-template-hash": "h3", tier: "web" },
      ownerReferences: owner("ReplicaSet", "checkout-3"),
      ...metadata
    },
    { spec: { nodeName: "node-1", containers: [{ name: "app" }], ...spec }, status }
  )

export const service = (name: string, selector: Readonly<Record<string, string>> | undefined): KubernetesObject =>
  object("Service", name, "shop", {}, { spec: selector === undefined ? {} : { selector } })

export const node = (spec: object = {}): KubernetesObject => object("Node", "node-1", undefined, {}, { spec })

export const readyNode = (name: string, spec: object = {}, ready = "True"): KubernetesObject =>
  object("Node", name, undefined, {}, { spec, status: { conditions: [{ type: "Ready", status: ready }] } })

export const readyNodes = [readyNode("node-1"), readyNode("node-2"), readyNode("node-3")]

export const namespace = (phase: string): KubernetesObject =>
  object("Namespace", "shop", undefined, {}, { status: { phase } })

/** A budget; `undefined` if its status is not current. */
export const budget = (disruptionsAllowed: number | undefined, matchLabels: object = { app: "checkout" }) =>
  object(
    "PodDisruptionBudget",
    "quorum",
    "shop",
    { generation: 2 },
    {
      spec: { selector: { matchLabels } },
      status: {
        observedGeneration: disruptionsAllowed === undefined ? 1 : 2,
        disruptionsAllowed: disruptionsAllowed ?? 5
      }
    }
  )

export const claim = (storage: string, change: object = {}): KubernetesObject =>
  object(
    "PersistentVolumeClaim",
    "data",
    "shop",
    {},
    {
      spec: { storageClassName: "standard", resources: { requests: { storage } } },
      status: { phase: "Bound", capacity: { storage } },
      ...change
    }
  )

export const storageClass = (allowVolumeExpansion: boolean | undefined): KubernetesObject =>
  object("StorageClass", "standard", undefined, {}, allowVolumeExpansion === undefined ? {} : { allowVolumeExpansion })

export const cronJob = (suspend?: boolean): KubernetesObject =>
  object(
    "CronJob",
    "report",
    "shop",
    {},
    { spec: { schedule: "* * * * *", ...(suspend === undefined ? {} : { suspend }) } }
  )

export const context = (change: Partial<PlanContext> = {}): PlanContext => ({
  executionId: "r1-1",
  remediationId: "r1",
  epoch: 7,
  plannedAt: "2026-11-24T03:00:00.000Z",
  decidedOn: undefined,
  maximumResourceFactor: 4,
  maximumScaleFactor: 4,
  maximumNodesOut: 0.25,
  isProtectedNamespace: () => false,
  reservedNodes: new Set(),
  ...change
})

/** The object after a patch. */
export const patched = (target: KubernetesObject, change: Change | undefined): KubernetesObject => {
  if (change?._tag !== "Patch") throw new Error(`Expected a patch, got ${JSON.stringify(change)}`)
  return JsonPatch.apply(change.patch, target as never) as unknown as KubernetesObject
}

/** The object without Kubernaut's annotations, and without `annotations` if none is left. */
export const unsigned = (target: KubernetesObject): KubernetesObject => {
  const { annotations = {}, ...metadata } = target.metadata
  const others = Object.fromEntries(Object.entries(annotations).filter(([key]) => !key.startsWith("kubernaut.dev/")))
  return { ...target, metadata: { ...metadata, ...(Object.keys(others).length === 0 ? {} : { annotations: others }) } }
}
