/**
 * When the symptom of an alert began. Pure.
 *
 * **Details**
 *
 * | what says it                                     | what it means                                              |
 * | ------------------------------------------------ | ---------------------------------------------------------- |
 * | `startsAt`                                       | the symptom was there by then at the latest                |
 * | the rule's `for`                                 | it began so much earlier, if the sender waited for as long |
 * | the pods, since when they are not ready          | the symptom is as old as they say                          |
 * | a condition of the target, such as `Available`   | likewise                                                   |
 * | the first event `FailedCreate` of its controller | likewise                                                   |
 *
 * Where an alert states `for` itself, in a label or an annotation, a person decides about such a change. Likewise where
 * `startsAt` is later than now, because a clock is wrong.
 *
 * Many senders set `startsAt` to the time of sending and have not waited, so a change between `startsAt - for` and
 * `startsAt` may be the cause. What the cluster says is certain: a change after it is no cause.
 *
 * Where pods fail since different times, a change before the last of them may have caused a part of it. The pods of a
 * target whose alert is not about pods, such as one about errors, say nothing as long as some are ready.
 *
 * **Gotchas**
 *
 * The API server states times in whole seconds, and clocks differ: a change up to two seconds later still counts.
 */

import type { Alert } from "../domain/Alert.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { type Condition, conditionOf, type Event } from "../kubernetes/ObjectModel.ts"
import { durationsOf, statedDurationOf } from "./AlertDurations.ts"
import { isAboutPods } from "./SymptomKinds.ts"

/** Clocks of the API server, of the sender and of this process differ by less. */
export const skewMs = 2000

/** A change is looked for so long before the symptom, at least; and so long at most. */
const leastLookbackMs = 6 * 3_600_000
const mostLookbackMs = 24 * 3_600_000

/** One time at which the symptom may have begun, and how much it is believed: 0 to 1. */
export interface Onset {
  readonly atMs: number
  readonly belief: number
}

/** When the symptom began, as far as it is known. */
export interface FirstSymptom {
  /** A change after this time, beyond the skew, is no cause. */
  readonly latestMs: number
  /** The first sign in the cluster. A change after it has caused a part of the symptom at most. */
  readonly earliestMs: number
  /** The times from which closeness is measured. */
  readonly onsets: ReadonlyArray<Onset>
  /** The interval in which a cause is looked for begins here. */
  readonly sinceMs: number
  /** What says that the symptom is older than the alert. Absent: nothing does. */
  readonly because?: string
  /** Why it is not known whether a change after a time came first. Absent: it is known. */
  readonly doubt?: { readonly afterMs: number; readonly because: string }
}

/** What is known of the target. */
export interface SymptomFacts {
  readonly alert: Alert
  readonly observed: WorkloadState | null
  /** The object of the target, for the times of its conditions. */
  readonly object?: KubernetesObject
  /** Events about the target and its parts. */
  readonly events?: ReadonlyArray<KubernetesObject>
  readonly nowMs: number
}

const timeOf = (text: string | null | undefined): number | undefined => {
  const millis = Date.parse(text ?? "")
  return Number.isNaN(millis) ? undefined : millis
}

interface Sign {
  readonly atMs: number
  readonly what: string
}

/** Since when the pods that are not ready are not. The pod that the alert names speaks for itself. */
const podSigns = ({ alert, observed }: SymptomFacts): ReadonlyArray<Sign> => {
  const unready = (observed?.pods ?? []).filter(({ ready }) => !ready)
  const named = unready.filter(({ name }) => name === alert.labels["pod"] || name === alert.labels["exported_pod"])
  return (named.length > 0 ? named : unready).flatMap(({ name, readinessSince }) => {
    const atMs = timeOf(readinessSince)
    return atMs === undefined ? [] : [{ atMs, what: `pod ${name} is not ready since then` }]
  })
}

/** The conditions that say of a kind that it does not work. */
const failing: Readonly<Record<string, ReadonlyArray<readonly [type: string, status: string]>>> = {
  Deployment: [
    ["Available", "False"],
    ["ReplicaFailure", "True"]
  ],
  ReplicaSet: [["ReplicaFailure", "True"]],
  Job: [["Failed", "True"]],
  Node: [
    ["Ready", "False"],
    ["Ready", "Unknown"]
  ]
}

const conditionSigns = ({ object }: SymptomFacts): ReadonlyArray<Sign> => {
  if (object === undefined) return []
  const given = (object["status"] as { readonly conditions?: unknown } | undefined)?.conditions
  const conditions = (Array.isArray(given) ? given : []) as ReadonlyArray<Condition>
  return (failing[object.kind] ?? []).flatMap(([type, status]) => {
    const condition = conditionOf(conditions, type)
    const atMs = condition?.status === status ? timeOf(condition.lastTransitionTime) : undefined
    return atMs === undefined ? [] : [{ atMs, what: `${type} is ${status} since then` }]
  })
}

const lastOf = (event: Event): string => event.lastTimestamp ?? event.firstTimestamp ?? ""

/** The present reason why pods cannot be created: an earlier reason has its own event. */
const eventSigns = ({ events = [], observed }: SymptomFacts): ReadonlyArray<Sign> => {
  if (observed?.failedCreate === undefined || observed.failedCreate === null) return []
  const [newest] = (events as ReadonlyArray<Event>)
    .filter(({ reason }) => reason === "FailedCreate")
    .toSorted((left, right) => (lastOf(left) < lastOf(right) ? 1 : -1))
  const atMs = timeOf(newest?.firstTimestamp)
  return atMs === undefined ? [] : [{ atMs, what: "pods cannot be created since then" }]
}

const earliest = (signs: ReadonlyArray<Sign>): Sign | undefined =>
  signs.reduce<Sign | undefined>(
    (first, sign) => (first === undefined || sign.atMs < first.atMs ? sign : first),
    undefined
  )

const latest = (signs: ReadonlyArray<Sign>): Sign | undefined =>
  signs.reduce<Sign | undefined>((last, sign) => (last === undefined || sign.atMs > last.atMs ? sign : last), undefined)

/** How much it is believed that the sender did not wait for as long as the rule says. */
const unwaitedBelief = 0.9

/** An alert whose clock is wrong began at most so long before it was received. */
const deliveryMs = 300_000

/**
 * Where only the alert says when the symptom began, and what it says is contradictory. A sender whose clock is ahead
 * says nothing about the last minutes, and one that waited for as long as the alert states had the symptom before.
 */
const doubtOf = ({ alert, nowMs }: SymptomFacts, startsMs: number): FirstSymptom["doubt"] => {
  if ((timeOf(alert.startsAt) ?? nowMs) > nowMs + skewMs)
    return {
      afterMs: nowMs - deliveryMs,
      because: `The alert says that it began at ${alert.startsAt}, which is later than now: a clock is wrong, so it is not known what came first.`
    }
  const waitedMs = statedDurationOf(alert)
  return waitedMs === undefined || waitedMs <= skewMs
    ? undefined
    : {
        afterMs: startsMs - waitedMs + skewMs,
        because: `The alert states that its rule waits for ${Math.round(waitedMs / 1000)} s, so the symptom may have been there before it.`
      }
}

/** When the symptom began. */
export const firstSymptom = (facts: SymptomFacts): FirstSymptom => {
  const { alert, nowMs, observed } = facts
  const startsMs = Math.min(timeOf(alert.startsAt) ?? nowMs, nowMs)
  const doubt = doubtOf(facts, startsMs)
  const durations = durationsOf(alert)
  const pods = podSigns(facts)
  const others = [...conditionSigns(facts), ...eventSigns(facts)]
  // All pods may have been replaced since, so that each of them is younger than the symptom of the whole.
  const whole = earliest([...others, ...[latest(pods)].flatMap((sign) => sign ?? [])])
  const noneReady = observed !== null && observed.pods.length > 0 && observed.pods.every(({ ready }) => !ready)
  const speaks = isAboutPods(alert) || noneReady || observed?.ref.kind === "Node"
  const bound = speaks && whole !== undefined && whole.atMs < startsMs ? whole : undefined
  const latestMs = bound?.atMs ?? startsMs
  const onsets =
    bound !== undefined
      ? [{ atMs: bound.atMs, belief: 1 }]
      : [
          ...durations.filter((millis) => millis > 0).map((millis) => ({ atMs: startsMs - millis, belief: 1 })),
          { atMs: startsMs, belief: durations.some((millis) => millis > 0) ? unwaitedBelief : 1 }
        ]
  const first = Math.min(latestMs, ...(speaks ? [...pods, ...others].map(({ atMs }) => atMs) : []))
  const base = Math.min(first, ...onsets.map(({ atMs }) => atMs))
  return {
    latestMs,
    earliestMs: first,
    onsets,
    sinceMs: Math.max(base - leastLookbackMs, latestMs - mostLookbackMs),
    ...(bound === undefined ? {} : { because: bound.what }),
    ...(bound !== undefined || doubt === undefined ? {} : { doubt })
  }
}
