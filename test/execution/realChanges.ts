/** Changes that a person makes of objects on a real API server, as the journal records them. */

import { Effect } from "effect"
import type { Change } from "../../src/domain/Change.ts"
import type { ObjectChange } from "../../src/domain/ObjectChange.ts"
import type { ResourceRef } from "../../src/domain/Target.ts"
import * as Timestamp from "../../src/domain/Timestamp.ts"
import { find as resourceOf } from "../../src/kubernetes/ApiResource.ts"
import { find, KubernetesClient, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { eventually, namespace } from "./realCluster.ts"
import { recorded } from "./restoring.ts"

type Json = Extract<Change, { _tag: "Create" }>["manifest"]

/** An object of a restorable kind, and what a person makes of it. It has no pods and applies to nothing. */
export interface Restorable {
  readonly kind: string
  readonly before: Json
  /** The top-level fields that differ afterwards. */
  readonly after: Json
}

const pods = (name: string): Json => ({
  metadata: { labels: { app: name } },
  spec: { nodeSelector: { none: "none" }, containers: [{ name: "main", image: "registry.example/app:v1" }] }
})

const spec = (kind: string, shared: Json, before: Json, after: Json): Restorable => ({
  kind,
  before: { spec: { ...shared, ...before } },
  after: { spec: { ...shared, ...after } }
})

const labels = (name: string): Json => ({ matchLabels: { app: name } })

const workload = (kind: string, shared: Json, before: Json, after: Json): Restorable =>
  spec(kind, { selector: labels("restored"), template: pods("restored"), ...shared }, before, after)

const webhook = (kind: string): Restorable => {
  const configured = (failurePolicy: string): Json => ({
    webhooks: [
      {
        name: "restored.example.com",
        failurePolicy,
        sideEffects: "None",
        admissionReviewVersions: ["v1"],
        clientConfig: { url: "https://none.example.com" },
        rules: [{ apiGroups: ["none.example.com"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["nones"] }]
      }
    ]
  })
  return { kind, before: configured("Ignore"), after: configured("Fail") }
}

const cronTemplate: Json = {
  spec: {
    template: { spec: { restartPolicy: "Never", containers: [{ name: "main", image: "registry.example/app" }] } }
  }
}

/** Every kind that the shipped role lets a restoration create, write and remove. */
export const restorables: ReadonlyArray<Restorable> = [
  workload("Deployment", { replicas: 0 }, { minReadySeconds: 1 }, { minReadySeconds: 2 }),
  workload("StatefulSet", { replicas: 0, serviceName: "restored" }, { minReadySeconds: 1 }, { minReadySeconds: 2 }),
  workload("DaemonSet", {}, { minReadySeconds: 1 }, { minReadySeconds: 2 }),
  spec("CronJob", { jobTemplate: cronTemplate }, { schedule: "0 3 1 1 *" }, { schedule: "0 4 1 1 *" }),
  spec("Service", { ports: [{ port: 80 }] }, { selector: { app: "restored" } }, { selector: { app: "nobody" } }),
  // Rules without a backend: an Ingress is not led back to a Service that does not exist.
  spec("Ingress", { rules: [{ host: "a.example.com" }] }, { ingressClassName: "none" }, { ingressClassName: "other" }),
  spec("HTTPRoute", {}, { parentRefs: [{ name: "gateway" }] }, { parentRefs: [{ name: "other" }] }),
  spec("GRPCRoute", {}, { parentRefs: [{ name: "gateway" }] }, { parentRefs: [{ name: "other" }] }),
  { kind: "ConfigMap", before: { data: { url: "a" } }, after: { data: { url: "b", extra: "c" } } },
  spec(
    "HorizontalPodAutoscaler",
    { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" } },
    { minReplicas: 2, maxReplicas: 6 },
    { minReplicas: 1, maxReplicas: 2 }
  ),
  spec("ResourceQuota", {}, { hard: { pods: "90" } }, { hard: { pods: "80" } }),
  spec("LimitRange", {}, { limits: [] }, { limits: [{ type: "Pod", max: { memory: "64Gi" } }] }),
  spec("NetworkPolicy", {}, { podSelector: labels("a") }, { podSelector: labels("b") }),
  spec("PodDisruptionBudget", { selector: labels("nobody") }, { minAvailable: 1 }, { minAvailable: 2 }),
  { kind: "PriorityClass", before: { value: 5, description: "a" }, after: { description: "b" } },
  {
    kind: "ServiceAccount",
    before: { imagePullSecrets: [{ name: "a" }] },
    after: { imagePullSecrets: [{ name: "b" }] }
  },
  webhook("MutatingWebhookConfiguration"),
  webhook("ValidatingWebhookConfiguration")
]

/** An object of this name. Those of the cluster carry the namespace in their name. */
export const named = (kind: string, name: string): ResourceRef =>
  resourceOf(kind)!.namespaced
    ? { namespace, kind, name }
    : { namespace: "", kind, name: kind === "Namespace" ? namespace : `${namespace}-${name}` }

type Fields = Readonly<Record<string, unknown>>

/** Annotations of people: not those of the controller of Deployments, and not our signature. */
const annotationsOf = ({ metadata }: KubernetesObject): Fields =>
  Object.fromEntries(
    Object.entries(metadata.annotations ?? {}).filter(
      ([key]) => !/^(deployment\.kubernetes\.io|kubernaut\.dev)\//.test(key)
    )
  )

/** An object as the journal records it: without what the server and the controllers count. */
const journaled = (object: KubernetesObject | undefined): KubernetesObject | undefined => {
  if (object === undefined) return undefined
  const { metadata, status: _status, ...rest } = object as KubernetesObject & Fields
  const { annotations: _all, generation: _generation, managedFields: _managers, ...kept } = metadata
  const annotations = annotationsOf(object)
  return {
    ...rest,
    metadata: {
      ...kept,
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
      resourceVersion: "0"
    }
  } as KubernetesObject
}

/** What is meant of an object: no status, no version, no signature, and no addresses of a Service. */
export const meant = (object: KubernetesObject | undefined): unknown => {
  if (object === undefined) return undefined
  const { apiVersion: _api, metadata, spec, status: _status, ...rest } = object as KubernetesObject & Fields
  const { clusterIP: _ip, clusterIPs: _ips, ...fields } = (spec ?? {}) as Fields
  return {
    ...rest,
    spec: fields,
    name: metadata.name,
    labels: metadata.labels ?? {},
    annotations: annotationsOf(object)
  }
}

export const present = (ref: ResourceRef) => Effect.flatMap(KubernetesClient, (client) => find(client, ref))

export const write = (ref: ResourceRef, rest: Json) =>
  Effect.flatMap(KubernetesClient, (client) =>
    client.apply({
      _tag: "Create",
      ref,
      manifest: { apiVersion: resourceOf(ref.kind)!.apiVersion, kind: ref.kind, metadata: { name: ref.name }, ...rest }
    })
  )

/** Replaces top-level fields. */
export const edit = (ref: ResourceRef, fields: Json) =>
  Effect.flatMap(KubernetesClient, (client) =>
    client.apply({
      _tag: "Patch",
      ref,
      patch: Object.entries(fields).map(([field, value]) => ({ op: "replace", path: `/${field}`, value: value! }))
    })
  )

/** Sets a label on an object that has some. */
export const label = (ref: ResourceRef, name: string, value: string) =>
  Effect.flatMap(KubernetesClient, (client) =>
    client.apply({ _tag: "Patch", ref, patch: [{ op: "add", path: `/metadata/labels/${name}`, value }] })
  )

export const remove = Effect.fnUntraced(function* (ref: ResourceRef) {
  const object = yield* present(ref)
  if (object === undefined) return
  const client = yield* KubernetesClient
  yield* client.apply({ _tag: "Delete", ref, uid: object.metadata.uid })
  yield* eventually(`${ref.kind} ${ref.name} is gone`, present(ref), (each) => each === undefined)
})

let changes = 0
/** What a person does to an object, and the record of it. */
export const personDoes = Effect.fnUntraced(function* <E>(
  ref: ResourceRef,
  does: Effect.Effect<unknown, E, KubernetesClient>
) {
  const old = yield* present(ref)
  yield* does
  const now = yield* present(ref)
  const at = yield* Timestamp.now
  const id = `chg-${String(++changes).padStart(26, "0")}`
  const change: ObjectChange = recorded(journaled(old), journaled(now), { id, at, seenAt: at })
  return { change, old, now }
})
