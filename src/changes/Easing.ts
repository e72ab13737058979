/**
 * Whether a change only gives more room than there was: a larger quota, an uncordon, a higher maximum. Such a change
 * does not cause what the same field causes in the other direction. Pure.
 */

import * as FieldPath from "../domain/FieldPath.ts"
import type { FieldDifference } from "../domain/FieldPath.ts"
import type { ObjectChange } from "../domain/ObjectChange.ts"
import { parse } from "../domain/Quantity.ts"
import type { SymptomKind } from "./SymptomKinds.ts"

type Side = FieldDifference["before"]

const amountOf = (value: Side) => parse(typeof value === "number" ? String(value) : value)

/** Whether the amount is larger than it was. A limit that is absent is the largest. */
const isRaised = ({ after, before }: FieldDifference): boolean => {
  if (after === undefined) return before !== undefined
  const [from, to] = [amountOf(before), amountOf(after)]
  return from !== undefined && to !== undefined && to > from
}

const isLowered = ({ after, before }: FieldDifference): boolean => {
  const [from, to] = [amountOf(before), amountOf(after)]
  return from !== undefined && to !== undefined && to < from
}

const listOf = (value: Side): ReadonlyArray<unknown> | undefined =>
  value === undefined || value === null ? [] : Array.isArray(value) ? value : undefined

/** Whether nothing is in the list that was not in it before. */
const isShortened = ({ after, before }: FieldDifference): boolean => {
  const [from, to] = [listOf(before), listOf(after)]
  if (from === undefined || to === undefined) return false
  const kept = new Set(from.map((each) => JSON.stringify(each)))
  return to.every((each) => kept.has(JSON.stringify(each)))
}

const isCleared = ({ after }: FieldDifference): boolean => after === undefined || after === false

type Test = (field: FieldDifference) => boolean

const rows: ReadonlyArray<readonly [kind: string, path: RegExp, eases: Test]> = [
  ["ResourceQuota", /^spec\.hard\b/, isRaised],
  ["HorizontalPodAutoscaler", /^spec\.maxReplicas$/, isRaised],
  ["Node", /^spec\.unschedulable$/, isCleared],
  ["Node", /^spec\.taints$/, isShortened],
  ["CronJob", /^spec\.suspend$/, isCleared],
  ["Job", /^spec\.suspend$/, isCleared],
  ["Deployment", /^spec\.paused$/, isCleared],
  ["PersistentVolumeClaim", /^spec\.resources\b/, isRaised]
]

const needsRoom = ["pending", "not-created", "quota"] as const satisfies ReadonlyArray<SymptomKind>

/** More replicas need more room, and fewer replicas serve less. */
const easesReplicas = (field: FieldDifference, symptoms: ReadonlySet<SymptomKind>): boolean => {
  const lacksRoom = needsRoom.some((kind) => symptoms.has(kind))
  if (isLowered(field)) return lacksRoom
  return isRaised(field) && symptoms.size > 0 && !lacksRoom && !symptoms.has("absent")
}

/** Whether each of its fields gives more room, where that is no cause of these symptoms. */
export const easesOnly = (change: ObjectChange, symptoms: ReadonlySet<SymptomKind>): boolean => {
  const { fields, operation, ref } = change
  if (operation === "deleted") return ref.kind === "ResourceQuota"
  if (operation !== "modified" || fields.length === 0) return false
  return fields.every((field) => {
    const path = FieldPath.display(field.path)
    if (path === "spec.replicas" || (ref.kind === "HorizontalPodAutoscaler" && path === "spec.minReplicas"))
      return easesReplicas(field, symptoms)
    return rows.some(([kind, pattern, eases]) => kind === ref.kind && pattern.test(path) && eases(field))
  })
}
