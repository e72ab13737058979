/**
 * Recognizes the managers of an object by the labels, annotations, owners and field managers that they leave on it.
 *
 * A mark counts only on the object itself. The marks of a Deployment say nothing about an autoscaler that a person
 * added by hand, and the marks of an autoscaler count whatever its Deployment bears.
 */

import type { ManagedPart, Manager, Owner, WorkloadState } from "../domain/WorkloadState.ts"
import type { KubernetesObject } from "./KubernetesClient.ts"
import { foreignOwnerOf } from "./Ownership.ts"

/** The marks that one manager leaves. Each of them is enough. */
interface Marks {
  readonly manager: Manager
  /** Keys of labels. A key that ends in `/` stands for every key with this prefix. */
  readonly labels?: ReadonlyArray<string>
  /** Keys of annotations, likewise. */
  readonly annotations?: ReadonlyArray<string>
  /** The values of the label `app.kubernetes.io/managed-by`, or of `heritage`, which older charts use. */
  readonly managedBy?: RegExp
  /** The names under which it writes fields. */
  readonly writesAs?: RegExp
}

const table: ReadonlyArray<Marks> = [
  {
    manager: "helm",
    annotations: ["meta.helm.sh/release-name"],
    managedBy: /^(helm|tiller)$/i,
    writesAs: /^helm$/
  },
  {
    manager: "argocd",
    labels: ["argocd.argoproj.io/instance"],
    // `tracking-id`, and what people write into the manifests that it applies: `sync-wave`, `sync-options`.
    annotations: ["argocd.argoproj.io/"],
    managedBy: /^argo-?cd\b/i,
    writesAs: /^argocd-/
  },
  {
    manager: "flux",
    labels: ["kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/", "fluxcd.io/sync-gc-mark"],
    annotations: ["fluxcd.io/sync-checksum", "kustomize.toolkit.fluxcd.io/"],
    managedBy: /^flux(cd)?$/i,
    writesAs: /^(kustomize|helm)-controller$/
  },
  {
    // Rancher writes every object that it applies with the annotations of its object sets, k3s' add-ons included.
    manager: "fleet",
    labels: ["fleet.cattle.io/", "objectset.rio.cattle.io/"],
    annotations: ["fleet.cattle.io/", "objectset.rio.cattle.io/"],
    writesAs: /^fleet-?agent$/
  },
  {
    manager: "kapp",
    labels: ["kapp.k14s.io/"],
    annotations: ["kapp.k14s.io/"],
    managedBy: /^kapp(-controller)?$/i,
    writesAs: /^kapp$/
  },
  {
    manager: "config-sync",
    labels: ["configsync.gke.io/"],
    annotations: ["configsync.gke.io/", "configmanagement.gke.io/token"],
    managedBy: /^configmanagement\.gke\.io$/,
    writesAs: /^(configsync|configmanagement)/
  },
  // Terraform leaves no labels of its own. Resources with a schema are written as HashiCorp, manifests as Terraform.
  { manager: "terraform", managedBy: /^(terraform|opentofu)$/i, writesAs: /^(terraform|opentofu|hashicorp)$/i },
  { manager: "pulumi", annotations: ["pulumi.com/"], managedBy: /^pulumi$/i, writesAs: /^pulumi-/ },
  {
    manager: "crossplane",
    labels: ["crossplane.io/"],
    annotations: ["crossplane.io/"],
    managedBy: /^crossplane/i,
    writesAs: /^(crossplane|apiextensions\.crossplane\.io)/
  },
  {
    manager: "keda",
    labels: ["scaledobject.keda.sh/", "scaledjob.keda.sh/"],
    managedBy: /^keda-operator$/,
    writesAs: /^keda/
  },
  { manager: "olm", labels: ["olm.owner", "olm.managed", "operators.coreos.com/"] },
  {
    // Any other controller that names itself, and tools that put objects back: Karmada, Open Cluster Management, KubeVela,
    // Sveltos, Spinnaker, Cluster API, Tanka, werf, Ansible.
    manager: "operator",
    labels: [
      "addonmanager.kubernetes.io/mode",
      "gateway.istio.io/managed",
      "karmada.io/managed",
      "work.karmada.io/",
      "open-cluster-management.io/",
      "app.oam.dev/",
      "projectsveltos.io/",
      "addons.cluster.x-k8s.io/",
      "tanka.dev/environment"
    ],
    annotations: [
      "work.karmada.io/",
      "app.oam.dev/",
      "projectsveltos.io/",
      "moniker.spinnaker.io/",
      "artifact.spinnaker.io/",
      "werf.io/version"
    ],
    managedBy: /(operator|controller|spinnaker|karmada|kubevela|sveltos|tanka|werf|ansible|harness)/i,
    writesAs: /^(karmada|work-agent|klusterlet|kubevela|application\.sveltos|sveltos|werf)/i
  }
]

const bears = (keys: Readonly<Record<string, string>>, marks: ReadonlyArray<string> = []): boolean =>
  marks.length > 0
  && Object.keys(keys).some((key) => marks.some((mark) => (mark.endsWith("/") ? key.startsWith(mark) : key === mark)))

/** Config Sync leaves an object alone whose annotation says so. */
const isConfigSynced = (annotations: Readonly<Record<string, string>>): boolean =>
  annotations["configmanagement.gke.io/managed"] === "enabled"

/** The managers whose marks an object bears, in the order of the table. An autoscaler of its replicas is `hpa`. */
export const managersOf = (object: KubernetesObject, autoscaler?: KubernetesObject): ReadonlyArray<Manager> => {
  const { annotations = {}, labels = {}, managedFields = [] } = object.metadata
  const managedBy = [labels["app.kubernetes.io/managed-by"], labels["heritage"]].filter((value) => value !== undefined)
  // A controller that writes the status, or scales, does not declare the object.
  const writers = managedFields.filter((each) => (each.subresource ?? "") === "").map((each) => each.manager ?? "")
  const isMarked = (marks: Marks): boolean =>
    bears(labels, marks.labels)
    || bears(annotations, marks.annotations)
    || managedBy.some((value) => marks.managedBy?.test(value) === true)
    || writers.some((writer) => marks.writesAs?.test(writer) === true)
    || (marks.manager === "config-sync" && isConfigSynced(annotations))
    || (marks.manager === "operator" && foreignOwnerOf(object) !== undefined)
  const found = table.filter(isMarked).map(({ manager }) => manager)
  // KEDA and others mark the label "managed-by" with a name that the row of other controllers reads too.
  const named = found.filter(
    (manager) => manager !== "operator" || found.length === 1 || foreignOwnerOf(object) !== undefined
  )
  return autoscaler === undefined ? named : [...named, "hpa"]
}

/** The name under which Kubernaut writes fields. */
const own = "kubernaut"

/** Whether somebody else has set a field of the spec to its present value. Without the fields of each manager, no. */
export const isOthersField = ({ metadata: { managedFields = [] } }: KubernetesObject, field: string): boolean =>
  managedFields.some(
    ({ fieldsV1 = {}, manager }) =>
      manager !== own && `f:${field}` in ((fieldsV1["f:spec"] as object | undefined) ?? {})
  )

type FieldSet = Readonly<Record<string, unknown>>

/** The set beneath one step of a path. Items of a list with keys are found by those: `k:{"name":"app"}`. */
const beneath = (fields: FieldSet, parent: unknown, token: string | number): unknown => {
  if (!Array.isArray(parent)) return fields[`f:${token}`]
  const item = parent[Number(token)] as FieldSet | undefined
  const key = Object.keys(fields).find((each) => {
    if (!each.startsWith("k:") || item === undefined) return false
    const keys = JSON.parse(each.slice(2)) as FieldSet
    return Object.entries(keys).every(([name, value]) => item[name] === value)
  })
  return key === undefined ? undefined : fields[key]
}

/**
 * The name of somebody else who has set the field at a path to its present value; `undefined` if the API server names
 * nobody. A write takes a field from its earlier managers, so a manager of a field that Kubernaut wrote came later.
 */
export const otherOwnerOf = (object: KubernetesObject, path: ReadonlyArray<string | number>): string | undefined =>
  (object.metadata.managedFields ?? []).find(({ fieldsV1, manager }) => {
    if (manager === own) return false
    let fields: unknown = fieldsV1
    let value: unknown = object
    for (const token of path) {
      fields = typeof fields === "object" && fields !== null ? beneath(fields as FieldSet, value, token) : undefined
      value = (value as FieldSet | undefined)?.[token]
    }
    return fields !== undefined
  })?.manager

/**
 * Who else last wrote to the spec of an object; `undefined` if the API server does not say so. Its times are whole
 * seconds, so Kubernaut's own write may be as new.
 */
export const otherWriterOf = ({ metadata: { managedFields = [] } }: KubernetesObject): string | undefined =>
  managedFields
    .filter(
      ({ fieldsV1 = {}, manager, subresource }) => manager !== own && subresource !== "status" && "f:spec" in fieldsV1
    )
    .sort((left, right) => ((left.time ?? "") < (right.time ?? "") ? 1 : -1))[0]?.manager

const withOwner = (owner: Owner | undefined): { readonly owner?: Owner } => (owner === undefined ? {} : { owner })

const partOf = (object: KubernetesObject): ReadonlyArray<ManagedPart> => {
  const managers = managersOf(object)
  const { kind, metadata } = object
  return managers.length === 0
    ? []
    : [
        {
          ref: { namespace: metadata.namespace ?? "", kind, name: metadata.name },
          managers,
          ...withOwner(foreignOwnerOf(object))
        }
      ]
}

/** Who manages an object and its autoscaler. */
export const managementOf = (
  object: KubernetesObject,
  autoscaler: KubernetesObject | undefined
): Pick<WorkloadState, "managers" | "owner" | "managedParts"> => {
  const parts = autoscaler === undefined ? [] : partOf(autoscaler)
  return {
    managers: managersOf(object, autoscaler),
    ...withOwner(foreignOwnerOf(object)),
    ...(parts.length === 0 ? {} : { managedParts: parts })
  }
}
