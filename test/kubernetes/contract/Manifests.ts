/** The objects that the contract creates, and the changes that it makes to them. */

import type { Change } from "../../../src/domain/Change.ts"
import type { ResourceRef } from "../../../src/domain/Target.ts"
import type { KubernetesObject } from "../../../src/kubernetes/KubernetesClient.ts"

export type Manifest = Extract<Change, { _tag: "Create" }>["manifest"]

/** A uid in the right form that no object has. */
export const unusedUid = "00000000-0000-4000-8000-000000000000"

const container = (tag: string): Manifest => ({
  name: "main",
  image: `registry.example/app:${tag}`,
  resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "128Mi" } }
})

export interface WorkloadOptions {
  /** Default 2. */
  readonly replicas?: number
  /** The image tag. Default `v1`; a tag that begins with `bad` crash-loops. */
  readonly tag?: string
  /** Of the pod template. */
  readonly annotations?: Record<string, string>
  /** Of a StatefulSet or a DaemonSet. */
  readonly updateStrategy?: Manifest
}

const workloadSpec = (name: string, { replicas = 2, tag = "v1", annotations = {} }: WorkloadOptions): Manifest => ({
  replicas,
  selector: { matchLabels: { app: name } },
  template: { metadata: { labels: { app: name }, annotations }, spec: { containers: [container(tag)] } }
})

const updateStrategyIn = ({ updateStrategy }: WorkloadOptions): Manifest =>
  updateStrategy === undefined ? {} : { updateStrategy }

export const deployment = (name: string, options: WorkloadOptions = {}): Manifest => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name, labels: { app: name } },
  spec: workloadSpec(name, options)
})

export const statefulSet = (name: string, options: WorkloadOptions = {}): Manifest => ({
  apiVersion: "apps/v1",
  kind: "StatefulSet",
  metadata: { name },
  spec: { serviceName: name, ...workloadSpec(name, options), ...updateStrategyIn(options) }
})

export const daemonSet = (name: string, options: WorkloadOptions = {}): Manifest => {
  const { replicas: _replicas, ...spec } = workloadSpec(name, options) as { readonly replicas?: number }
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name },
    spec: { ...spec, ...updateStrategyIn(options) }
  }
}

const finishing: Manifest = { spec: { restartPolicy: "Never", containers: [container("v1")] } }

export const job = (name: string): Manifest => ({
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: { name },
  spec: { template: finishing }
})

/** A CronJob that never runs, so that nothing else writes to it. */
export const cronJob = (name: string): Manifest => ({
  apiVersion: "batch/v1",
  kind: "CronJob",
  metadata: { name },
  spec: { schedule: "0 3 29 2 *", suspend: false, jobTemplate: { spec: { template: finishing } } }
})

export const pod = (name: string): Manifest => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels: {} },
  spec: { containers: [container("v1")] }
})

export const service = (name: string): Manifest => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name },
  spec: { selector: { app: name }, ports: [{ port: 80 }] }
})

export const configMap = (
  name: string,
  labels: Record<string, string> = {},
  data: Record<string, string> = {}
): Manifest => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, labels }, data })

export const budget = (name: string, app: string, minAvailable: number): Manifest => ({
  apiVersion: "policy/v1",
  kind: "PodDisruptionBudget",
  metadata: { name },
  spec: { minAvailable, selector: { matchLabels: { app } } }
})

export const quota = (name: string, hard: Record<string, string>): Manifest => ({
  apiVersion: "v1",
  kind: "ResourceQuota",
  metadata: { name },
  spec: { hard }
})

export const ref = (namespace: string, kind: string, name: string): ResourceRef => ({ namespace, kind, name })

export const refOf = (object: KubernetesObject): ResourceRef =>
  ref(object.metadata.namespace ?? "", object.kind, object.metadata.name)

export const create = (namespace: string, manifest: Manifest): Change => {
  const { name } = manifest["metadata"] as { readonly name: string }
  return { _tag: "Create", ref: ref(namespace, String(manifest["kind"]), name), manifest }
}

export const patch = (target: ResourceRef, ...operations: ReadonlyArray<unknown>): Change => ({
  _tag: "Patch",
  ref: target,
  patch: operations as Extract<Change, { _tag: "Patch" }>["patch"]
})

export const replace = (path: string, value: unknown) => ({ op: "replace", path, value })
export const add = (path: string, value: unknown) => ({ op: "add", path, value })

/** Rolls out another image of a workload. */
export const image = (tag: string) => replace("/spec/template/spec/containers/0/image", `registry.example/app:${tag}`)

export const evict = (object: KubernetesObject, uid = object.metadata.uid): Change => ({
  _tag: "Evict",
  ref: refOf(object),
  uid
})

export const remove = (object: KubernetesObject, uid = object.metadata.uid): Change => ({
  _tag: "Delete",
  ref: refOf(object),
  uid
})
