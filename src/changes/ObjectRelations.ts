/**
 * On which objects one object depends, as the states of both say. Pure.
 *
 * A relation holds if it holds between any two states, so a Service that no longer selects the pods still belongs to
 * them, and so does a policy that is gone. `side` says which relations are followed: those of the target in both
 * directions, those of an object in front of it, such as its Service, only further to the front, and those of an object
 * behind it, such as a Service that it calls, only further back.
 */

import { displayName, type ResourceRef } from "../domain/Target.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { hasLabels } from "../kubernetes/ObjectModel.ts"
import { podLabelsOf, refOf, type Side, type States, type Step, to } from "./GraphStates.ts"
import { imposed } from "./ImposedRelations.ts"
import { labelsOf, listOf, selects, templateOf, textOf, valueOf } from "./ObjectFields.ts"
import { fitsNode, hostsOf, type Reference, referencesOf } from "./TemplateReferences.ts"

const workloadKinds = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod"] as const

/** Whether objects of a kind run pods, so that an object of that kind is a workload. */
export const runsPods = (kind: string): boolean => (workloadKinds as ReadonlyArray<string>).includes(kind)

const isSelectedBy = (workload: KubernetesObject, service: KubernetesObject): boolean => {
  const selector = labelsOf(service, "spec", "selector")
  const labels = podLabelsOf(workload)
  return (
    selector !== undefined && Object.keys(selector).length > 0 && labels !== undefined && hasLabels(labels, selector)
  )
}

const owners = (object: KubernetesObject): ReadonlyArray<Step> =>
  listOf(object, "metadata", "ownerReferences").flatMap((owner) => {
    const [kind, name] = [textOf(owner, "kind"), textOf(owner, "name")]
    return kind === undefined || name === undefined
      ? []
      : [{ to: { namespace: object.metadata.namespace ?? "", kind, name }, relation: "is owned by", side: "target" }]
  })

/** Labels that controllers add to pods, and to the selectors of the Services that they switch. */
const addedByControllers: ReadonlySet<string> = new Set([
  "pod-template-hash",
  "controller-revision-hash",
  "rollouts-pod-template-hash"
])

/** Whether a Service has the name of a workload, or that of its application. */
const isCalledAs = (workload: KubernetesObject, { metadata: { name } }: KubernetesObject): boolean => {
  const labels = podLabelsOf(workload)
  return name === workload.metadata.name || name === (labels?.["app.kubernetes.io/name"] ?? labels?.["app"])
}

/** The labels of the selector of a Service, each with the value that the pods of a workload have for it. */
const compared = (workload: KubernetesObject, service: KubernetesObject) =>
  Object.entries(labelsOf(service, "spec", "selector") ?? {}).map(([key, value]) => ({
    key,
    value,
    own: podLabelsOf(workload)?.[key]
  }))

/** Whether only the other workloads say what a Service with the name of a workload is about. */
export const othersDecide = (workload: KubernetesObject, service: KubernetesObject): boolean => {
  const labels = compared(workload, service)
  return (
    isCalledAs(workload, service)
    && labels.every(({ own, value }) => own === undefined || own === value)
    && labels.some(({ key, own }) => own === undefined && !addedByControllers.has(key))
  )
}

/** The kinds of workloads that are listed where others decide. */
export const listedWorkloads = ["Deployment", "StatefulSet", "DaemonSet", "CronJob"] as const

/**
 * Whether a Service that has the name of a workload, and does not select its pods, is about other pods: it names a
 * label with another value, or another one, and then the pods of another workload have that, or those of this one have
 * another Service already. What could not be read may be such a one. What the Service was about before counts, too.
 */
const isAboutOthers = (workload: KubernetesObject, service: KubernetesObject, states: States): boolean => {
  if (!othersDecide(workload, service))
    return compared(workload, service).some(({ own, value }) => own !== undefined && own !== value)
  const { name, namespace } = refOf(workload)
  return (
    [...listedWorkloads, "Service"].some((kind) => states.unread.has(kind))
    || workloadsIn(states, namespace).some(
      (other) =>
        !(other.kind === workload.kind && other.metadata.name === name)
        && states.of(refOf(service)).some((each) => isSelectedBy(other, each))
    )
    || states
      .all("Service", namespace)
      .some((other) => other.metadata.name !== service.metadata.name && isSelectedBy(workload, other))
  )
}

/**
 * A step to a Service, or from it to a workload, that has its name. A Service without a selector has nothing else. One
 * that is about other pods is about those, whatever its name is.
 */
const namedStep = (step: Step, workload: KubernetesObject, service: KubernetesObject, states: States): Step =>
  isAboutOthers(workload, service, states) ? { ...step, onlyByName: true } : step

/** What is in front of a workload: the Services that select it. */
const inFront = (workload: KubernetesObject, states: States): ReadonlyArray<Step> => {
  const { namespace } = refOf(workload)
  const services = states.all("Service", namespace)
  const selecting = services
    .filter((service) => isSelectedBy(workload, service))
    .map((each) => to(each, "is selected by", "front"))
  const governing = textOf(workload, "spec", "serviceName")
  const called = services.filter((each) => each.metadata.name === governing || isCalledAs(workload, each))
  return [
    ...selecting,
    ...called.map((each) => {
      const step = to(each, "has the name of", "front")
      return each.metadata.name === governing ? step : namedStep(step, workload, each, states)
    })
  ]
}

/** The objects that a workload names, and those that decide what may run where. */
const behind = (workload: KubernetesObject, states: States): ReadonlyArray<Step> => {
  const { name, namespace } = refOf(workload)
  const spec = valueOf(templateOf(workload), "spec")
  const named = referencesOf(spec, namespace).map((each): Step => ({ ...each, side: "behind" }))
  const claims = listOf(workload, "spec", "volumeClaimTemplates").flatMap((each): ReadonlyArray<Step> => {
    const [claim, storage] = [textOf(each, "metadata", "name"), textOf(each, "spec", "storageClassName")]
    const prefix = `${claim ?? ""}-${name}-`
    return [
      ...states
        .all("PersistentVolumeClaim", namespace)
        .filter(({ metadata }) => metadata.name.startsWith(prefix) && /^\d+$/.test(metadata.name.slice(prefix.length)))
        .map((found) => to(found, "claims", "behind")),
      ...(storage === undefined
        ? []
        : [
            {
              to: { namespace: "", kind: "StorageClass", name: storage },
              relation: "claims" as const,
              side: "behind" as const
            }
          ])
    ]
  })
  const nodes = states
    .all("Node")
    .filter((node) => fitsNode(spec, labelsOf(node, "metadata", "labels") ?? {}))
    .map((node) => to(node, "could run on", "behind"))
  return [...named, ...claims, ...nodes]
}

/** The Services that it calls, by the names in its environment and arguments. */
const callees = (workload: KubernetesObject, states: States): ReadonlyArray<Step> => {
  const { name, namespace } = refOf(workload)
  return hostsOf(valueOf(templateOf(workload), "spec"), namespace)
    .filter((host) => states.of(host).length > 0 && !(host.name === name && host.namespace === namespace))
    .map((host) => ({ to: host, relation: "calls", side: "behind" }))
}

const backendsOf = (object: KubernetesObject): ReadonlyArray<ResourceRef> => {
  const namespace = object.metadata.namespace ?? ""
  const service = (name: string | undefined, inNamespace = namespace): ReadonlyArray<ResourceRef> =>
    name === undefined ? [] : [{ namespace: inNamespace, kind: "Service", name }]
  if (object.kind === "Ingress")
    return [
      ...service(textOf(object, "spec", "defaultBackend", "service", "name")),
      ...listOf(object, "spec", "rules").flatMap((rule) =>
        listOf(rule, "http", "paths").flatMap((path) => service(textOf(path, "backend", "service", "name")))
      )
    ]
  return listOf(object, "spec", "rules").flatMap((rule) =>
    listOf(rule, "backendRefs").flatMap((each) => service(textOf(each, "name"), textOf(each, "namespace")))
  )
}

/** The kinds that route requests to Services. */
export const routeKinds = ["Ingress", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"] as const

const ofRoute = (route: KubernetesObject, side: Side): ReadonlyArray<Step> => {
  const namespace = route.metadata.namespace ?? ""
  const secrets = listOf(route, "spec", "tls").flatMap((each) => textOf(each, "secretName") ?? [])
  const gateways = listOf(route, "spec", "parentRefs").flatMap((each): ReadonlyArray<Step> => {
    const name = textOf(each, "name")
    return name === undefined
      ? []
      : [
          {
            to: { namespace: textOf(each, "namespace") ?? namespace, kind: textOf(each, "kind") ?? "Gateway", name },
            relation: "is configured by",
            side: "front"
          }
        ]
  })
  const ingressClass = textOf(route, "spec", "ingressClassName")
  return [
    ...(side === "front"
      ? []
      : backendsOf(route).map((each): Step => ({ to: each, relation: "routes to", side: "behind" }))),
    ...secrets.map((name): Step => ({ to: { namespace, kind: "Secret", name }, relation: "reads", side: "front" })),
    ...(ingressClass === undefined
      ? []
      : [
          {
            to: { namespace: "", kind: "IngressClass", name: ingressClass },
            relation: "is configured by" as const,
            side: "front" as const
          }
        ]),
    ...gateways
  ]
}

const workloadsIn = (states: States, namespace: string): ReadonlyArray<KubernetesObject> =>
  workloadKinds
    .filter((kind) => kind !== "ReplicaSet")
    .flatMap((kind) => states.all(kind, namespace))
    .filter((object) =>
      listOf(object, "metadata", "ownerReferences").every((owner) => valueOf(owner, "controller") !== true)
    )

const ofService = (service: KubernetesObject, states: States, side: Side): ReadonlyArray<Step> => {
  const { name, namespace } = refOf(service)
  const routes = routeKinds
    .flatMap((kind) => states.all(kind))
    .filter((route) => backendsOf(route).some((each) => each.name === name && each.namespace === namespace))
    .map((route) => to(route, "is routed to by", "front"))
  const slices = states
    .all("EndpointSlice", namespace)
    .filter((slice) => labelsOf(slice, "metadata", "labels")?.["kubernetes.io/service-name"] === name)
    .map((slice) => to(slice, "is configured by", "front"))
  const workloads = workloadsIn(states, namespace)
    .filter((workload) => isSelectedBy(workload, service) || workload.metadata.name === name)
    .map((workload) => {
      const step = to(workload, "selects", "behind")
      return isSelectedBy(workload, service) ? step : namedStep(step, workload, service, states)
    })
  return [...(side === "behind" ? [] : routes), ...slices, ...(side === "front" ? [] : workloads)]
}

const ofAccount = (account: ResourceRef, states: States): ReadonlyArray<Step> => {
  const isSubject = (binding: KubernetesObject): boolean =>
    listOf(binding, "subjects").some((subject) => {
      const [kind, name] = [textOf(subject, "kind"), textOf(subject, "name")]
      if (kind === "ServiceAccount")
        return (
          name === account.name && (textOf(subject, "namespace") ?? binding.metadata.namespace) === account.namespace
        )
      return (
        kind === "Group"
        && (name === "system:serviceaccounts" || name === `system:serviceaccounts:${account.namespace}`)
      )
    })
  const bindings = [...states.all("RoleBinding", account.namespace), ...states.all("ClusterRoleBinding")]
  const secrets = states
    .of(account)
    .flatMap((each) =>
      [...listOf(each, "imagePullSecrets"), ...listOf(each, "secrets")].flatMap(
        (secret) => textOf(secret, "name") ?? []
      )
    )
  return [
    ...bindings.filter(isSubject).map((each) => to(each, "is granted rights by", "behind")),
    ...secrets.map((name): Step => ({
      to: { namespace: account.namespace, kind: "Secret", name },
      relation: "pulls images with",
      side: "behind"
    }))
  ]
}

const ofBinding = (binding: KubernetesObject): ReadonlyArray<Step> => {
  const [kind, name] = [textOf(binding, "roleRef", "kind"), textOf(binding, "roleRef", "name")]
  if (kind === undefined || name === undefined) return []
  const namespace = kind === "Role" ? (binding.metadata.namespace ?? "") : ""
  return [{ to: { namespace, kind, name }, relation: "grants", side: "behind" }]
}

const ofClaim = (claim: KubernetesObject, states: States, side: Side): ReadonlyArray<Step> => {
  const { name, namespace } = refOf(claim)
  const [volume, storage] = [textOf(claim, "spec", "volumeName"), textOf(claim, "spec", "storageClassName")]
  const mounting = workloadsIn(states, namespace).filter((workload) =>
    referencesOf(valueOf(templateOf(workload), "spec"), namespace).some(
      (each) => each.to.kind === "PersistentVolumeClaim" && each.to.name === name
    )
  )
  return [
    ...(volume === undefined
      ? []
      : [
          {
            to: { namespace: "", kind: "PersistentVolume", name: volume },
            relation: "is bound to" as const,
            side: "behind" as const
          }
        ]),
    ...(storage === undefined
      ? states.all("StorageClass").map((each) => to(each, "is configured by", "behind"))
      : [
          {
            to: { namespace: "", kind: "StorageClass", name: storage },
            relation: "is configured by" as const,
            side: "behind" as const
          }
        ]),
    ...states.all("ResourceQuota", namespace).map((each) => to(each, "is limited by", "behind")),
    ...(side === "target" ? mounting.map((each) => to(each, "is bound to", "front")) : [])
  ]
}

/** What an object that is about others is about: the workload of an autoscaler, the pods of a budget. */
const aboutOthers = (object: KubernetesObject, states: States): ReadonlyArray<Step> => {
  const { namespace } = refOf(object)
  if (object.kind === "HorizontalPodAutoscaler") {
    const [kind, name] = [
      textOf(object, "spec", "scaleTargetRef", "kind"),
      textOf(object, "spec", "scaleTargetRef", "name")
    ]
    return kind === undefined || name === undefined
      ? []
      : [{ to: { namespace, kind, name }, relation: "scales", side: "target" }]
  }
  const path = object.kind === "NetworkPolicy" ? ["spec", "podSelector"] : ["spec", "selector"]
  return workloadsIn(states, namespace)
    .filter((workload) => selects(podLabelsOf(workload), object, ...path))
    .map((workload) => to(workload, "protects", "target"))
}

const contents = (namespace: string, states: States): ReadonlyArray<Step> =>
  states.inNamespace(namespace).map((each) => to(each, "contains", "front"))

const ofWorkload = (object: KubernetesObject, states: States, side: Side): ReadonlyArray<Step> => [
  ...(side === "front" ? [] : owners(object)),
  ...(side === "target" ? inFront(object, states) : []),
  ...(side === "front" ? [] : [...behind(object, states), ...imposed(object, states)]),
  ...(side === "target" ? callees(object, states) : [])
]

const ofState = (object: KubernetesObject, states: States, side: Side): ReadonlyArray<Step> => {
  const { kind } = object
  if (templateOf(object) !== undefined) return ofWorkload(object, states, side)
  if (kind === "Service") return ofService(object, states, side)
  if ((routeKinds as ReadonlyArray<string>).includes(kind)) return ofRoute(object, side)
  if (kind === "RoleBinding" || kind === "ClusterRoleBinding") return ofBinding(object)
  if (kind === "PersistentVolumeClaim") return ofClaim(object, states, side)
  if (side !== "target") return []
  if (kind === "HorizontalPodAutoscaler" || kind === "PodDisruptionBudget" || kind === "NetworkPolicy")
    return aboutOthers(object, states)
  return kind === "Gateway"
    ? listOf(object, "spec", "listeners").flatMap((listener) =>
        listOf(listener, "tls", "certificateRefs").flatMap((each): ReadonlyArray<Step> => {
          const name = textOf(each, "name")
          return name === undefined
            ? []
            : [{ to: { namespace: refOf(object).namespace, kind: "Secret", name }, relation: "reads", side: "front" }]
        })
      )
    : []
}

/** What runs on every node, such as its network: a node is not ready without it. */
const ofNode = (node: ResourceRef, states: States): ReadonlyArray<Step> => {
  const labels = states.of(node).map((each) => labelsOf(each, "metadata", "labels") ?? {})
  return states
    .all("DaemonSet")
    .filter((daemon) => {
      const spec = valueOf(templateOf(daemon), "spec")
      return labels.length === 0 || labels.some((each) => fitsNode(spec, each))
    })
    .map((daemon) => to(daemon, "runs a pod of", "behind"))
}

/** The next steps from an object. An object of which nothing is known leads on by its reference alone. */
export const stepsFrom = (ref: ResourceRef, states: States, side: Side): ReadonlyArray<Step> => {
  const found = states.of(ref).flatMap((object) => ofState(object, states, side))
  if (ref.kind === "ServiceAccount") return [...found, ...ofAccount(ref, states)]
  if (side === "target" && ref.kind === "Node") return [...found, ...ofNode(ref, states)]
  if (side === "target" && ref.kind === "Namespace") return [...found, ...contents(ref.name, states)]
  if (side === "target" && ref.kind === "ResourceQuota")
    return [
      ...found,
      ...workloadsIn(states, ref.namespace).map((each) => to(each, "is limited by", "front")),
      ...states.all("HorizontalPodAutoscaler", ref.namespace).map((each) => to(each, "is scaled by", "front")),
      ...states.all("LimitRange", ref.namespace).map((each) => to(each, "is limited by", "behind"))
    ]
  return found
}

/** What a step means to a person, such as `mounts ConfigMap shop/checkout`. */
export const stepText = ({ relation, to: object }: Reference): string => `${relation} ${displayName(object)}`
