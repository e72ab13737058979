/**
 * How likely it is that a change caused an alert: a number from 0 to 1, with the reasons. Pure.
 *
 * **Details**
 *
 * The score is the product of these factors:
 *
 * | factor    | value                                                                                                    |
 * | --------- | -------------------------------------------------------------------------------------------------------- |
 * | closeness | 1 / (1 + hours between the change and the first symptom). 0 after it, beyond two seconds of clock skew   |
 * | part      | 0.5 if something of the target failed before the change already                                          |
 * | certainty | 0.7 if the change happened while nobody watched, so that its time is not known                           |
 * | distance  | 1, 0.97, 0.9, 0.8, 0.7 for 0, 1, 2, 3, 4 or more edges between the target and the object                 |
 * | harm      | 1 if a field can break just what is broken, 0.6 if it may follow, 0.15 if it breaks something else;      |
 * |           | 0.6 if it is not known what is broken; 0.02 if the field breaks nothing (`FieldEffects`)                 |
 * | direction | 0.2 if it only takes a limit away, such as an uncordon or a larger quota (`Easing`)                      |
 * | novelty   | 0.2 if it created an object that limits nobody (`LimitingKinds`): that breaks nothing that worked. 1 if  |
 * |           | it replaced another object of the same name, from which it differs (`Replacement`)                       |
 * | setup     | 0.1 if it created an object before the target first served, or one that was changed since (`Setup`)      |
 * | return    | 0.1 if it only puts back what was there for longer (`Returned`)                                          |
 * | tried     | 0.1 if Kubernaut has taken it back already (`TakenBack`): that did not help                              |
 * | health    | 0.25 if the alert says that pods fail, and all pods are well: no suspect                                 |
 * | force     | 0.1 if all its fields have another value now: somebody has taken it back, or overwritten it              |
 * | writer    | 1 for a person or a pipeline, 0.95 for GitOps and unknown writers, 0.4 for a controller, 0 for kubernaut |
 *
 * Closeness is measured from each time at which the symptom may have begun (`FirstSymptom`), and the best one counts.
 * What the alert says counts 0.7 where the cluster shows something else.
 *
 * A suspect has a score of at least 0.3. Two are similar if the lower score is at least 0.8 times the higher one. Below
 * 0.05 a change is not ranked at all.
 */

import * as FieldPath from "../domain/FieldPath.ts"
import type { Firing } from "../domain/Firing.ts"
import { isLimiting } from "../domain/LimitingKinds.ts"
import type { ObjectChange, WriterKind } from "../domain/ObjectChange.ts"
import type { Suspect } from "../domain/Suspects.ts"
import type { ResourceRef } from "../domain/Target.ts"
import { type Timestamp, toMillis } from "../domain/Timestamp.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { easesOnly } from "./Easing.ts"
import { effectsOfChange } from "./FieldEffects.ts"
import { type FirstSymptom, skewMs } from "./FirstSymptom.ts"
import { mitigates } from "./Mitigation.ts"
import { orderInDoubt } from "./OrderInDoubt.ts"
import { isOnlyAboutPods, type SymptomKind, type SymptomsSeen } from "./SymptomKinds.ts"
import { mayBeProgram } from "./Writers.ts"

/** A change with a lower score is no suspect. */
export const suspectScore = 0.3
/** The share of the best score from which another suspect is similar. */
export const similarShare = 0.8
/** A change with a lower score is not ranked. */
export const rankedScore = 0.05

/** A change, and where its object is in the graph of the target. */
export interface Candidate {
  readonly change: ObjectChange
  readonly distance: number
  readonly relation: string
  /** Whether only a name says that the target depends on it (`DependencyGraph`). Absent: no. */
  readonly onlyByName?: true
  /** Why it belongs to the setup of the target, and not to what happened to it later (`Setup`). */
  readonly setup?: string
  /** The write of Kubernaut that has taken it back already. Absent: none has. */
  readonly takenBack?: ObjectChange
  /** Whether it only puts back what was there before. Default false. */
  readonly putsBack?: boolean
  /** Whether the pod template was changed again since, or just before. Default false. */
  readonly followed?: boolean
  /** The fields in which a created object differs from the one that it replaced (`Replacement`). Default: it is new. */
  readonly replaced?: ReadonlyArray<FieldPath.FieldDifference>
  /** The object as it is now; `null` if it does not exist, and absent if that is not known. */
  readonly present?: KubernetesObject | null
}

/** What changes are judged against. */
export interface Scene {
  readonly symptom: FirstSymptom
  readonly seen: SymptomsSeen
  /** When the alert fired before, and others around. Default: never. */
  readonly firings?: ReadonlyArray<Firing>
  /** Others up to this time are not known. Default: all are. */
  readonly firingsCutAt?: Timestamp
  /** Whether an object is next to the target (`Mitigation`). Default: all are. */
  readonly isNear?: (ref: ResourceRef) => boolean
}

interface Factor {
  readonly value: number
  readonly reason?: string
}

const hourMs = 3_600_000

const spanText = (millis: number): string => {
  const seconds = Math.round(millis / 1000)
  if (seconds < 120) return `${seconds} s`
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`
}

/** The best closeness of a change that was made at some time up to this one. */
export const closenessUpTo = (millis: number, { onsets }: FirstSymptom): number =>
  Math.max(0, ...onsets.map(({ atMs, belief }) => belief / (1 + Math.max(0, atMs - millis) / hourMs)))

const closenessOf = ({ change: { at, notBefore } }: Candidate, { latestMs, onsets }: FirstSymptom): Factor => {
  const atMs = toMillis(notBefore === undefined || toMillis(at) <= latestMs + skewMs ? at : notBefore)
  if (Number.isNaN(atMs) || atMs > latestMs + skewMs)
    return { value: 0, reason: "It was made after the first symptom." }
  const views = onsets
    .filter((onset) => atMs <= onset.atMs + skewMs)
    .map((onset) => {
      const lagMs = Math.max(0, onset.atMs - atMs)
      return { lagMs, value: onset.belief / (1 + lagMs / hourMs) }
    })
  const best = views.reduce<(typeof views)[number] | undefined>(
    (first, view) => (first === undefined || view.value > first.value ? view : first),
    undefined
  )
  return best === undefined
    ? { value: 0, reason: "It was made after the first symptom." }
    : { value: best.value, reason: `It was made ${spanText(best.lagMs)} before the first symptom.` }
}

const distances = [1, 0.97, 0.9, 0.8, 0.7]

const writers: Readonly<Record<WriterKind, number>> = {
  person: 1,
  gitops: 0.95,
  unknown: 0.95,
  controller: 0.4,
  kubernaut: 0
}

const writerOf = ({ change: { by } }: Candidate): Factor => {
  const named = by.name === undefined ? "" : ` (${by.name})`
  switch (by.kind) {
    case "controller":
      return { value: writers.controller, reason: `A controller${named} made it.` }
    case "gitops":
      return { value: writers.gitops, reason: `GitOps${named} made it.` }
    case "kubernaut":
      return { value: writers.kubernaut, reason: "Kubernaut made it." }
    case "person":
      return { value: writers.person, reason: `A person or a pipeline${named} made it.` }
    default:
      return { value: writers.unknown, ...(by.name === undefined ? {} : { reason: `${by.name} made it.` }) }
  }
}

const matches = (kinds: ReadonlyArray<SymptomKind>, symptoms: ReadonlySet<SymptomKind>): boolean =>
  kinds.some((kind) => symptoms.has(kind))

/** How well what a field can break explains these symptoms. */
const explains = (
  { likely, possible }: { readonly likely: ReadonlyArray<SymptomKind>; readonly possible: ReadonlyArray<SymptomKind> },
  symptoms: ReadonlySet<SymptomKind>
): number => (matches(likely, symptoms) ? 1 : matches(possible, symptoms) ? 0.6 : 0.15)

/** Whether it created an object in place of another one, from which it differs. */
const isReplacement = ({ replaced = [] }: Candidate): boolean => replaced.length > 0

const harmOf = (candidate: Candidate, { said, shown }: SymptomsSeen): Factor => {
  const { change, replaced: fields = [] } = candidate
  const compared = isReplacement(candidate) ? { ...change, operation: "modified" as const, fields } : change
  const parts = effectsOfChange(compared).map(
    ({ effects, path }): { readonly path: string; readonly value: number } => {
      if (effects.likely.length === 0 && effects.possible.length === 0) return { path, value: 0.02 }
      if (shown.size === 0 && said.size === 0) return { path, value: 0.6 }
      const byShown = shown.size === 0 ? 0 : explains(effects, shown)
      const bySaid = said.size === 0 ? 0 : explains(effects, said) * (shown.size === 0 ? 1 : 0.7)
      return { path, value: Math.max(byShown, bySaid) }
    }
  )
  const best = parts.toSorted((left, right) => right.value - left.value || (left.path < right.path ? -1 : 1))[0]
  if (best === undefined) return { value: 0.02, reason: "It changes nothing that can break." }
  const what = best.path === "created" || best.path === "deleted" ? `That it was ${best.path}` : best.path
  if (best.value >= 0.7) return { value: best.value, reason: `${what} can break just what is broken.` }
  if (best.value > 0.15) return { value: best.value, reason: `${what} may lead to what is broken.` }
  if (best.value > 0.02) return { value: best.value, reason: `${what} breaks something else than what is broken.` }
  return { value: 0.02, reason: `${what} breaks nothing.` }
}

const directionOf = ({ change }: Candidate, { said, shown }: SymptomsSeen): Factor =>
  easesOnly(change, shown.size > 0 ? shown : said)
    ? { value: 0.2, reason: "It gives the target more room than it had." }
    : { value: 1 }

const setupOf = ({ setup }: Candidate): Factor => (setup === undefined ? { value: 1 } : { value: 0.1, reason: setup })

const triedOf = (candidate: Candidate): Factor =>
  candidate.takenBack === undefined
    ? { value: 1 }
    : isInForce(candidate)
      ? { value: 0.1, reason: "Kubernaut has taken it back already, which did not help." }
      : { value: 0.1, reason: "Kubernaut has taken it back already." }

const returnOf = ({ putsBack = false }: Candidate): Factor =>
  putsBack ? { value: 0.1, reason: "It puts back what was there before." } : { value: 1 }

const noveltyOf = (candidate: Candidate): Factor => {
  const { operation, ref } = candidate.change
  if (isReplacement(candidate)) return { value: 1, reason: "It replaced another object of the same name." }
  if (candidate.replaced !== undefined) return { value: 0.2, reason: "It is as the one that it replaced." }
  return operation === "created" && !isLimiting(ref.kind)
    ? { value: 0.2, reason: "It is new, and breaks nothing that worked before." }
    : { value: 1 }
}

const sameJson = (left: unknown, right: unknown): boolean => FieldPath.differences(left, right).length === 0

/** Whether the change is still there, as far as that is known. */
export const isInForce = ({ change, present }: Candidate): boolean => {
  if (present === undefined) return true
  if (change.operation === "deleted") return present === null
  if (present === null) return false
  if (change.operation === "created" || change.fields.length === 0) return true
  return change.fields.some(
    ({ after, path }) => change.ref.kind === "Secret" || sameJson(FieldPath.valueAt(present, path), after)
  )
}

const forceOf = (candidate: Candidate): Factor =>
  isInForce(candidate) ? { value: 1 } : { value: 0.1, reason: "It is no longer in force." }

const healthOf = ({ healthy, said }: SymptomsSeen): Factor =>
  healthy && isOnlyAboutPods(said) ? { value: 0.25, reason: "All pods of the target are well." } : { value: 1 }

const partOf = ({ change: { at } }: Candidate, { earliestMs }: FirstSymptom): Factor =>
  toMillis(at) > earliestMs + skewMs ? { value: 0.5, reason: "A part of the target failed before it." } : { value: 1 }

const certaintyOf = ({ change: { notBefore } }: Candidate): Factor =>
  notBefore === undefined
    ? { value: 1 }
    : { value: 0.7, reason: `Nobody watched, so it may have been made at any time since ${notBefore}.` }

const otherThings = "Only a name says that the target depends on it, and the object itself names something else."

/** Why only a person can tell, as far as this change and the alert say it. */
const needsPersonOf = ({ change, onlyByName }: Candidate, { firings = [], firingsCutAt, isNear, symptom }: Scene) =>
  orderInDoubt(change, symptom)
  ?? mitigates(change, firings, isNear, firingsCutAt)
  ?? mayBeProgram(change.by)
  ?? (onlyByName === true ? otherThings : undefined)

/** The score of a change, with its reasons. */
export const score = (candidate: Candidate, scene: Scene): Suspect => {
  const { seen, symptom } = scene
  const needsPerson = needsPersonOf(candidate, scene)
  const distance = Math.max(0, Math.trunc(candidate.distance))
  const factors: ReadonlyArray<Factor> = [
    closenessOf(candidate, symptom),
    partOf(candidate, symptom),
    certaintyOf(candidate),
    { value: distances[Math.min(distance, distances.length - 1)] ?? 0 },
    harmOf(candidate, seen),
    directionOf(candidate, seen),
    noveltyOf(candidate),
    setupOf(candidate),
    triedOf(candidate),
    returnOf(candidate),
    healthOf(seen),
    forceOf(candidate),
    writerOf(candidate)
  ]
  const product = factors.reduce((total, { value }) => total * value, 1)
  return {
    change: candidate.change,
    score: Math.min(1, Math.max(0, Math.round(product * 1000) / 1000)),
    distance,
    relation: candidate.relation,
    ...(candidate.followed === true ? { followed: true } : {}),
    ...(candidate.replaced === undefined ? {} : { replaced: true }),
    ...(needsPerson === undefined ? {} : { needsPerson }),
    reasons: [...factors.flatMap(({ reason }) => reason ?? []), ...(needsPerson === undefined ? [] : [needsPerson])]
  }
}

/** The best first; of the same score the nearest, then the latest. The order of the input does not matter. */
export const byRank = (left: Suspect, right: Suspect): number =>
  right.score - left.score
  || left.distance - right.distance
  || (left.change.at === right.change.at ? 0 : left.change.at < right.change.at ? 1 : -1)
  || (left.change.id < right.change.id ? -1 : left.change.id > right.change.id ? 1 : 0)

/** The changes that may be the cause, the best first. */
export const rank = (candidates: ReadonlyArray<Candidate>, scene: Scene): ReadonlyArray<Suspect> =>
  candidates
    .map((candidate) => score(candidate, scene))
    .filter((suspect) => suspect.score >= rankedScore)
    .toSorted(byRank)

/** Whether one suspect is ahead, or several are similar; `undefined` if there is none. */
export const findingOf = (ranked: ReadonlyArray<Suspect>): "one" | "several" | undefined => {
  const [best, second] = ranked
  if (best === undefined || best.score < suspectScore) return undefined
  return second !== undefined && second.score >= best.score * similarShare ? "several" : "one"
}
