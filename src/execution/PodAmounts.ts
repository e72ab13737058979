/** What one pod of a template counts against quotas and LimitRanges. Pure. */

import * as Quantity from "../domain/Quantity.ts"
import type { Container, PodTemplate } from "../kubernetes/ObjectModel.ts"

export type List = "requests" | "limits"

export const containersOf = ({ spec }: PodTemplate): ReadonlyArray<Container> => spec.containers

/** What one container has of a resource. A container without a request requests its limit. */
export const amountOfContainer = ({ resources }: Container, list: List, resource: string): Quantity.Amount =>
  Quantity.parse(resources?.[list]?.[resource] ?? (list === "requests" ? resources?.limits?.[resource] : undefined))
  ?? 0n

/** What all containers together have of a resource. */
export const amountOf = (template: PodTemplate, list: List, resource: string): Quantity.Amount =>
  containersOf(template).reduce((sum, container) => sum + amountOfContainer(container, list, resource), 0n)

/** The list and the resource that a line of a quota counts; `undefined` for a line that counts something else. */
export const countedBy = (line: string): { readonly list: List; readonly resource: string } | undefined => {
  const [list, resource] = line.includes(".") ? (line.split(/\.(.*)/s) as [string, string]) : ["requests", line]
  return (list === "requests" || list === "limits") && ["cpu", "memory", "ephemeral-storage"].includes(resource)
    ? { list, resource }
    : undefined
}

/** What one pod of a template counts against one line of a quota; `undefined` for a line that counts something else. */
export const countedOf = (template: PodTemplate, line: string): Quantity.Amount | undefined => {
  if (line === "pods" || line === "count/pods") return Quantity.unit
  const counted = countedBy(line)
  return counted === undefined ? undefined : amountOf(template, counted.list, counted.resource)
}
