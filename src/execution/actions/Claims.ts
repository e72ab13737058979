/** What an object claims for itself, such as a host and path: two objects with one claim are rivals. Pure. */

import { fieldsOf, labelsOf, listOf, textOf, valueOf } from "../../changes/ObjectFields.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { ordered } from "../../kubernetes/SpecDigest.ts"

const key = (...parts: ReadonlyArray<unknown>): string => JSON.stringify(parts.map(ordered))

/** The class of an Ingress, which older ones state by an annotation. */
const classOf = (object: KubernetesObject): string | undefined =>
  textOf(object, "spec", "ingressClassName")
  ?? labelsOf(object, "metadata", "annotations")?.["kubernetes.io/ingress.class"]

const hostsAndPaths = (object: KubernetesObject): ReadonlyArray<string> => {
  const canary = labelsOf(object, "metadata", "annotations")?.["nginx.ingress.kubernetes.io/canary"]
  if (object.kind === "Ingress")
    return canary === "true"
      ? []
      : listOf(object, "spec", "rules").flatMap((rule) =>
          listOf(rule, "http", "paths").map((path) =>
            key(classOf(object), textOf(rule, "host"), textOf(path, "path") ?? "/")
          )
        )
  const hosts = listOf(object, "spec", "hostnames")
  const gateways = listOf(object, "spec", "parentRefs").map((each) =>
    key(textOf(each, "name"), textOf(each, "sectionName"))
  )
  const matches = listOf(object, "spec", "rules").flatMap((rule) => {
    const all = listOf(rule, "matches")
    return all.length === 0 ? [{}] : all
  })
  return (hosts.length === 0 ? ["*"] : hosts).flatMap((host) =>
    gateways.flatMap((gateway) => matches.map((match) => key(host, gateway, match)))
  )
}

/** Some lines of a quota have two names. */
const lineOf = (line: string): string =>
  line.replace(/^requests\.(?=(cpu|memory|ephemeral-storage)$)/, "").replace(/^count\/(?=[a-z]+$)/, "")

/** What an object claims for itself, so that another one with the same claim is its rival. */
export const claimsOf = (object: KubernetesObject): ReadonlyArray<string> => {
  switch (object.kind) {
    case "HorizontalPodAutoscaler": {
      const scaled = valueOf(object, "spec", "scaleTargetRef")
      return scaled === undefined ? [] : [key(textOf(scaled, "kind"), textOf(scaled, "name"))]
    }
    case "Ingress":
    case "HTTPRoute":
    case "GRPCRoute":
      return hostsAndPaths(object)
    case "ResourceQuota":
      return Object.keys(fieldsOf(valueOf(object, "spec", "hard"))).map((line) =>
        key(lineOf(line), valueOf(object, "spec", "scopes"), valueOf(object, "spec", "scopeSelector"))
      )
    case "LimitRange":
      return listOf(object, "spec", "limits").map((line) => key(textOf(line, "type")))
    case "CronJob": {
      const spec = valueOf(object, "spec", "jobTemplate", "spec", "template", "spec")
      const containers = listOf(spec, "containers").map((each) => [
        (textOf(each, "image") ?? "").replace(/[:@][^/]*$/, ""),
        valueOf(each, "command"),
        valueOf(each, "args")
      ])
      return [key(textOf(object, "spec", "schedule"), containers)]
    }
    default:
      return []
  }
}
