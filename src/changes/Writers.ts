/**
 * Who made a change, as the API server's `managedFields` tell. Pure.
 *
 * Of the managers that own a changed field, the latest has written it. An update that only removes fields leaves no
 * trace there, and neither does a deletion: their writer is unknown, unless the object says more.
 */

import type { FieldPath } from "../domain/FieldPath.ts"
import { stepsIn } from "../domain/FieldPath.ts"
import type { Writer, WriterKind } from "../domain/ObjectChange.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"

/** The names under which each kind of party writes. The first match counts; any other name is a person or a pipeline. */
const table: ReadonlyArray<readonly [WriterKind, RegExp]> = [
  ["kubernaut", /^kubernaut$/],
  [
    "gitops",
    /^(argo-?cd\b.*|kustomize-controller|helm-controller|flux.*|fleet-?agent.*|fleetcontroller|configsync.*|configmanagement.*|nomos|gitops-engine|kluctl.*|kapp-controller|sveltos.*|application\.sveltos.*|karmada.*|work-agent|klusterlet.*|rancher-?fleet.*)$/i
  ],
  // Tools that people and pipelines run, although their names may look like those of controllers.
  ["person", /^(kubectl.*|helm|oc|k9s|lens.*|mozilla|node-fetch|terraform|opentofu|hashicorp|pulumi.*|dashboard)$/i],
  [
    "controller",
    /(^kube-|^kubelet$|controller|operator|autoscaler|provisioner|^manager$|^keda|^cainjector|cert-manager|^csi-|^istiod$|^pilot-discovery$|^cilium|^calico|^flanneld$|^cloud-|^vpa-|^apiserver$|^k3s|^rke2|scheduler|descheduler|velero)/i
  ],
  // Controllers whose names do not say that they are: those that cordon and taint nodes before these go, and those that
  // shift traffic, restart workloads or apply policies.
  [
    "controller",
    /^(karpenter|node-termination-handler|aws-node-termination-handler|kured|draino|node-problem-detector|machine-config-daemon|googlecontainerengine|cluster-api.*|flagger|argo-rollouts|crossplane.*|apiextensions\.crossplane\.io.*|reloader|keel|external-dns|external-secrets|kyverno|gatekeeper|sealed-secrets|strimzi.*|kopf|knative.*|castai.*)$/i
  ],
  // Libraries and runtimes under whose own name the programs built on them write: scripts of people, and operators.
  [
    "unknown",
    /^(unknown|openapi-generator|swagger-codegen|pykube.*|kr8s|lightkube|kubernetes_asyncio|python.*|aiohttp|fabric8.*|okhttp.*|kubernetes java client|java|apache-httpclient|go-http-client|kube-rs|reqwest|kubeclient|ruby|faraday|axios|undici|guzzle.*|kubernetesclient|dotnet.*)$/i
  ]
]

/** What kind of party writes under a name. */
export const kindOf = (manager: string): WriterKind =>
  manager === "" ? "unknown" : (table.find(([, name]) => name.test(manager))?.[0] ?? "person")

/** Whether the API server has taken no name from the request. */
const namesNobody = (manager: string): boolean => manager === "" || manager === "unknown"

/**
 * Why the writer may be a program that makes its change again, although nothing says that it is a controller;
 * `undefined` if nothing suggests that. Where nobody is named, as for a deletion, nothing does.
 */
export const mayBeProgram = ({ kind, name }: Writer): string | undefined =>
  kind === "unknown" && name !== undefined
    ? `${name} is the name of a library: a script of a person may have made it, or an operator, which would make it again.`
    : undefined

type Entry = NonNullable<KubernetesObject["metadata"]["managedFields"]>[number]
type FieldSet = Readonly<Record<string, unknown>>

/** The set beneath one step. Items of a list are found by their keys, such as `k:{"name":"app"}`. */
const beneath = (fields: FieldSet, parent: unknown, step: string | number): unknown => {
  if (typeof step === "string") return fields[`f:${step}`]
  const item = Array.isArray(parent) ? (parent[step] as FieldSet | undefined) : undefined
  const key = Object.keys(fields).find(
    (each) =>
      each.startsWith("k:")
      && Object.entries(JSON.parse(each.slice(2)) as FieldSet).every(([name, value]) => item?.[name] === value)
  )
  return key === undefined ? undefined : fields[key]
}

/** Whether a set owns a path, or something beneath it. A set that ends before the path owns all beneath. */
const owns = (set: FieldSet | undefined, object: KubernetesObject, path: FieldPath): boolean => {
  const steps = stepsIn(object, path)
  if (set === undefined || steps === undefined) return false
  let fields: unknown = set
  let value: unknown = object
  for (const [index, step] of steps.entries()) {
    const next: unknown = beneath(fields as FieldSet, value, step)
    if (next === undefined) return index > 1 && Object.keys(fields as FieldSet).length === 0
    fields = next
    value = (value as FieldSet | undefined)?.[step as string]
  }
  return true
}

const newest = (entries: ReadonlyArray<Entry>): Entry | undefined =>
  entries.reduce<Entry | undefined>(
    (best, each) => (best === undefined || (each.time ?? "") >= (best.time ?? "") ? each : best),
    undefined
  )

/** The latest write of any of these fields; of the whole object where there are none. */
export const entryOf = (object: KubernetesObject, paths: ReadonlyArray<FieldPath>): Entry | undefined => {
  const entries = (object.metadata.managedFields ?? []).filter(({ subresource }) => subresource !== "status")
  return newest(
    paths.length === 0 ? entries : entries.filter(({ fieldsV1 }) => paths.some((path) => owns(fieldsV1, object, path)))
  )
}

/** Annotations in which a platform notes the user who made an object. */
const userAnnotations = ["openshift.io/requester", "field.cattle.io/creatorId", "kubesphere.io/creator"]

/** The writer of an entry. `undefined`: nobody is named. */
export const writerOf = (object: KubernetesObject, entry: Entry | undefined): Writer => {
  const name = entry?.manager
  const user = userAnnotations
    .map((key) => object.metadata.annotations?.[key])
    .find((value): value is string => value !== undefined)
  return {
    kind: name === undefined ? "unknown" : kindOf(name),
    ...(name === undefined || namesNobody(name) ? {} : { name }),
    ...(user === undefined ? {} : { user })
  }
}
