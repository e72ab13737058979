/** The objects that a pod template names. Pure. */

import type { ResourceRef } from "../domain/Target.ts"
import { listOf, textOf, valueOf } from "./ObjectFields.ts"

/** An object that something names, and how. */
export interface Reference {
  readonly to: ResourceRef
  readonly relation: Relation
}

/** How one object depends on another. Each reads as a verb between both. */
export type Relation =
  | "is owned by"
  | "owns"
  | "is selected by"
  | "selects"
  | "has the name of"
  | "is routed to by"
  | "routes to"
  | "reads"
  | "mounts"
  | "pulls images with"
  | "is scaled by"
  | "scales"
  | "is limited by"
  | "is restricted by"
  | "is named in"
  | "claims"
  | "is bound to"
  | "runs as"
  | "is granted rights by"
  | "grants"
  | "runs on"
  | "runs a pod of"
  | "could run on"
  | "has the priority of"
  | "is protected by"
  | "protects"
  | "is admitted by"
  | "is in"
  | "contains"
  | "calls"
  | "is configured by"

const containerLists = ["initContainers", "containers", "ephemeralContainers"] as const

/** The containers of a pod spec, of every sort. */
export const containersOf = (spec: unknown): ReadonlyArray<unknown> =>
  containerLists.flatMap((list) => listOf(spec, list))

type Named = (
  kind: string,
  name: string | undefined,
  relation: Relation,
  inNamespace?: string
) => ReadonlyArray<Reference>

const ofVolume = (volume: unknown, named: Named): ReadonlyArray<Reference> => [
  ...named("ConfigMap", textOf(volume, "configMap", "name"), "mounts"),
  ...named("Secret", textOf(volume, "secret", "secretName"), "mounts"),
  ...named("PersistentVolumeClaim", textOf(volume, "persistentVolumeClaim", "claimName"), "claims"),
  ...named("Secret", textOf(volume, "csi", "nodePublishSecretRef", "name"), "mounts"),
  ...named(
    "StorageClass",
    textOf(volume, "ephemeral", "volumeClaimTemplate", "spec", "storageClassName"),
    "claims",
    ""
  ),
  ...listOf(volume, "projected", "sources").flatMap((source) => [
    ...named("ConfigMap", textOf(source, "configMap", "name"), "mounts"),
    ...named("Secret", textOf(source, "secret", "name"), "mounts")
  ])
]

const ofContainer = (container: unknown, named: Named): ReadonlyArray<Reference> => [
  ...listOf(container, "envFrom").flatMap((source) => [
    ...named("ConfigMap", textOf(source, "configMapRef", "name"), "reads"),
    ...named("Secret", textOf(source, "secretRef", "name"), "reads")
  ]),
  ...listOf(container, "env").flatMap((entry) => [
    ...named("ConfigMap", textOf(entry, "valueFrom", "configMapKeyRef", "name"), "reads"),
    ...named("Secret", textOf(entry, "valueFrom", "secretKeyRef", "name"), "reads")
  ])
]

/** Everything that a pod spec names. */
export const referencesOf = (spec: unknown, namespace: string): ReadonlyArray<Reference> => {
  const named: Named = (kind, name, relation, inNamespace = namespace) =>
    name === undefined ? [] : [{ to: { namespace: inNamespace, kind, name }, relation }]
  return [
    ...listOf(spec, "volumes").flatMap((volume) => ofVolume(volume, named)),
    ...containersOf(spec).flatMap((container) => ofContainer(container, named)),
    ...listOf(spec, "imagePullSecrets").flatMap((each) => named("Secret", textOf(each, "name"), "pulls images with")),
    ...named(
      "ServiceAccount",
      textOf(spec, "serviceAccountName") ?? textOf(spec, "serviceAccount") ?? "default",
      "runs as"
    ),
    ...named("PriorityClass", textOf(spec, "priorityClassName"), "has the priority of", ""),
    ...named("RuntimeClass", textOf(spec, "runtimeClassName"), "is configured by", ""),
    ...named("Node", textOf(spec, "nodeName"), "runs on", "")
  ]
}

/** A host name with its namespace, if it has one: `payments`, `payments.shop`, `payments.shop.svc.cluster.local`. */
const hosts =
  /(?<![\w.-])([a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)(?:\.([a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)(?:\.svc(?:\.[\w.-]+)?)?)?(?![\w.-])/g

/** A text in which hosts are looked for is not longer. */
const textRead = 2000

/** The names in the environment and arguments of containers that may be those of Services. */
export const hostsOf = (spec: unknown, namespace: string): ReadonlyArray<ResourceRef> =>
  containersOf(spec).flatMap((container) => {
    const texts = [
      ...listOf(container, "env").flatMap((entry) => textOf(entry, "value") ?? []),
      ...[...listOf(container, "args"), ...listOf(container, "command")].filter((each) => typeof each === "string")
    ]
    return texts.flatMap((text) =>
      [...text.slice(0, textRead).matchAll(hosts)].flatMap(([, name = "", other]) => [
        ...(other === undefined ? [] : [{ namespace: other, kind: "Service", name }]),
        { namespace, kind: "Service", name }
      ])
    )
  })

const matchesTerm = (labels: Readonly<Record<string, string>>, term: unknown): boolean =>
  listOf(term, "matchExpressions").every((each) => {
    const value = labels[textOf(each, "key") ?? ""]
    const values = listOf(each, "values")
    switch (textOf(each, "operator")) {
      case "In":
        return value !== undefined && values.includes(value)
      case "NotIn":
        return value === undefined || !values.includes(value)
      case "Exists":
        return value !== undefined
      case "DoesNotExist":
        return value === undefined
      case "Gt":
        return Number(value) > Number(values[0])
      case "Lt":
        return Number(value) < Number(values[0])
      default:
        return false
    }
  })

/** Whether the labels of a node satisfy the node selector and the required node affinity of a pod spec. */
export const fitsNode = (spec: unknown, labels: Readonly<Record<string, string>>): boolean => {
  const selector = valueOf(spec, "nodeSelector")
  const bySelector = Object.entries(typeof selector === "object" && selector !== null ? selector : {}).every(
    ([name, value]) => labels[name] === value
  )
  const terms = listOf(
    spec,
    "affinity",
    "nodeAffinity",
    "requiredDuringSchedulingIgnoredDuringExecution",
    "nodeSelectorTerms"
  )
  return bySelector && (terms.length === 0 || terms.some((term) => matchesTerm(labels, term)))
}
