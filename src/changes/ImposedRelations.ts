/**
 * What the namespace and the cluster impose on a workload: limits, policies, budgets, admission, and custom objects
 * that are about it. Pure.
 */

import type { ResourceRef } from "../domain/Target.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { hasLabels } from "../kubernetes/ObjectModel.ts"
import { podLabelsOf, refOf, type States, type Step, to } from "./GraphStates.ts"
import { fieldsOf, labelsOf, listOf, selects, textOf, valueOf } from "./ObjectFields.ts"

const scalesIt = (autoscaler: KubernetesObject, { kind, name }: ResourceRef): boolean =>
  textOf(autoscaler, "spec", "scaleTargetRef", "name") === name
  && textOf(autoscaler, "spec", "scaleTargetRef", "kind") === kind

/** Whether a peer of a policy names pods with these labels in its own namespace. */
const isPeer = (policy: KubernetesObject, labels: ReturnType<typeof podLabelsOf>): boolean =>
  [
    ...listOf(policy, "spec", "ingress").flatMap((rule) => listOf(rule, "from")),
    ...listOf(policy, "spec", "egress").flatMap((rule) => listOf(rule, "to"))
  ].some((peer) => {
    const selector = valueOf(peer, "podSelector")
    return selector !== undefined && Object.keys(fieldsOf(selector)).length > 0 && selects(labels, selector)
  })

const admitted: ReadonlySet<string> = new Set([
  "*",
  "*/*",
  "pods",
  "pods/*",
  "deployments",
  "statefulsets",
  "daemonsets",
  "replicasets",
  "jobs",
  "cronjobs"
])

/** Whether a webhook sees the pods or workloads of a namespace. What cannot be read does not rule it out. */
const admits = (webhooks: KubernetesObject, namespaces: ReadonlyArray<KubernetesObject>): boolean =>
  listOf(webhooks, "webhooks").some((webhook) => {
    const rules = listOf(webhook, "rules")
    const sees =
      rules.length === 0
      || rules.some((rule) => listOf(rule, "resources").some((each) => typeof each === "string" && admitted.has(each)))
    const selector = valueOf(webhook, "namespaceSelector")
    const inScope =
      selector === undefined
      || namespaces.length === 0
      || namespaces.some((each) => selects(labelsOf(each, "metadata", "labels"), selector))
    return sees && inScope
  })

/** Custom objects of a namespace say in various ways what they are about. */
const concerns = (
  object: KubernetesObject,
  { name, namespace }: ResourceRef,
  workload: KubernetesObject
): boolean | "by-name" => {
  const selector =
    valueOf(object, "spec", "selector")
    ?? valueOf(object, "spec", "workloadSelector")
    ?? valueOf(object, "spec", "podSelector")
  const plain = labelsOf(selector, "matchLabels") ?? labelsOf(selector, "labels") ?? labelsOf(selector)
  if (plain !== undefined && Object.keys(plain).length > 0) return hasLabels(podLabelsOf(workload), plain)
  const about = [
    textOf(object, "spec", "host"),
    textOf(object, "spec", "targetRef", "name"),
    textOf(object, "spec", "scaleTargetRef", "name"),
    ...listOf(object, "spec", "hosts"),
    ...listOf(object, "spec", "targetRefs").map((each) => textOf(each, "name"))
  ].filter((each) => each !== undefined)
  const isIt = (each: unknown) => each === name || (typeof each === "string" && each.startsWith(`${name}.${namespace}`))
  // Without a selector and a target, it holds for the whole namespace.
  if (about.length === 0 || about.some(isIt)) return true
  return isIt(textOf(object, "metadata", "name")) && "by-name"
}

/** What the namespace and the cluster impose on a workload. */
export const imposed = (workload: KubernetesObject, states: States): ReadonlyArray<Step> => {
  const ref = refOf(workload)
  const { namespace } = ref
  const labels = podLabelsOf(workload)
  const namespaces = states.of({ namespace: "", kind: "Namespace", name: namespace })
  return [
    ...states
      .all("HorizontalPodAutoscaler", namespace)
      .filter((each) => scalesIt(each, ref))
      .map((each) => to(each, "is scaled by", "front")),
    ...["ResourceQuota", "LimitRange"].flatMap((kind) =>
      states.all(kind, namespace).map((each) => to(each, "is limited by", "behind"))
    ),
    ...states
      .all("NetworkPolicy", namespace)
      .filter((each) => selects(labels, each, "spec", "podSelector"))
      .map((each) => to(each, "is restricted by", "behind")),
    ...states
      .all("NetworkPolicy")
      .filter((each) => isPeer(each, labels))
      .map((each) => to(each, "is named in", "behind")),
    ...states
      .all("PodDisruptionBudget", namespace)
      .filter((each) => selects(labels, each, "spec", "selector"))
      .map((each) => to(each, "is protected by", "behind")),
    ...["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"].flatMap((kind) =>
      states
        .all(kind)
        .filter((each) => admits(each, namespaces))
        .map((each) => to(each, "is admitted by", "behind"))
    ),
    ...states.custom(namespace).flatMap((each): ReadonlyArray<Step> => {
      const concerned = concerns(each, ref, workload)
      const step = to(each, "is configured by", "behind")
      return concerned === false ? [] : [concerned === true ? step : { ...step, onlyByName: true }]
    }),
    { to: { namespace: "", kind: "Namespace", name: namespace }, relation: "is in", side: "behind" }
  ]
}
