/**
 * Compares the ready pods behind the Services of two states of an object: see `RestoredEndpoints` for what follows.
 *
 * A Service of the target of the alert has no ready pods because of the incident, so that it is no reason to refuse.
 */

import { fieldsOf } from "../../changes/ObjectFields.ts"
import { displayName } from "../../domain/Target.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { isPodReady, type Pod } from "../../kubernetes/ObjectModel.ts"
import { refOf } from "../ObjectPatch.ts"
import { type Ask, ask, type PlanObjects, type PlanRefusal, refuse } from "../Plan.ts"
import { changedSince, leadsTo, selectedBy, selectorOf } from "./ServicePods.ts"

/** A Service as one state of an object leads to it. */
export interface Behind {
  readonly service: KubernetesObject
  /** Whether it surely gets requests: otherwise its name may be any word. */
  readonly isSure: boolean
  /** The name of the subset of its pods, if it is not known which those are. */
  readonly unknownSubset?: string
}

export type Objections = PlanRefusal | ReadonlyArray<Ask>

/** A Service, all of whose requests an object sends to where it selects. */
export const wholly = (service: KubernetesObject): Behind => ({ service, isSure: true })

/**
 * A Service that leads to no more than a subset of its pods. Which label a subset stands for is stated elsewhere, often
 * where Kubernaut may not read. If some pods have the name of the subset as the value of a label, it is taken for
 * those.
 */
export const narrowed = (service: KubernetesObject, subset: string, isSure: boolean, objects: PlanObjects): Behind => {
  const selector = selectorOf(service)
  const pods = selectedBy(service, objects)
  if (selector === undefined || !pods.some(isPodReady)) return { service, isSure }
  const labels = pods.flatMap(({ metadata }) => Object.entries(metadata.labels ?? {}))
  const found = labels.filter(([, value]) => value === subset).map(([label]) => label)
  const label = found.find((each) => each === "version") ?? found[0]
  return label === undefined
    ? { service, isSure, unknownSubset: subset }
    : {
        service: { ...service, spec: { ...fieldsOf(service["spec"]), selector: { ...selector, [label]: subset } } },
        isSure
      }
}

const isKnown = ({ service, unknownSubset }: Behind): boolean =>
  selectorOf(service) !== undefined && unknownSubset === undefined

const podsOf = (all: ReadonlyArray<Behind>, objects: PlanObjects): ReadonlyArray<Pod> => [
  ...new Map(
    all
      .filter(isKnown)
      .flatMap(({ service }) => selectedBy(service, objects))
      .map((pod) => [pod.metadata.uid, pod])
  ).values()
]

/** Whether a Service has a ready pod, or leads to what is not known. */
export const mayServe = (each: Behind, objects: PlanObjects): boolean =>
  !isKnown(each) || podsOf([each], objects).some(isPodReady)

const namedPods = ({ service }: Behind): string =>
  Object.entries(selectorOf(service) ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .join(",")

interface Compared {
  readonly name: string
  readonly present: ReadonlyArray<Behind>
  readonly former: ReadonlyArray<Behind>
  readonly objects: PlanObjects
  /** Whether the present state may lead to somewhere that is not known. */
  readonly isElsewhere: boolean
  /** Whether both states lead to the same Services with other shares. Default false. */
  readonly isShare?: boolean
  /** Whether the pods of the earlier state may be those of the alert although its target is not known. Default false. */
  readonly isTarget?: boolean
}

const asked = (message: string, figures: Readonly<Record<string, string>>): ReadonlyArray<Ask> => [
  ask("fewer-endpoints", `${message}, so it needs an approval.`, figures)
]

const unknownAsks = ({ name }: Compared, { service, unknownSubset }: Behind, now: string): ReadonlyArray<Ask> =>
  asked(
    unknownSubset === undefined
      ? `${name} leads to ${now} now, and its earlier state leads to where ${displayName(refOf(service))} says without a selector. What serves there is unknown`
      : `${name} leads to ${now} now, and its earlier state leads to subset ${unknownSubset} of ${displayName(refOf(service))}. Which pods those are is unknown`,
    { ready: `${now.split(" ")[0]} -> unknown` }
  )

/** Whether both states surely lead to Services. Otherwise those are only words that may mean something else. */
const isSure = ({ former, present }: Compared): boolean =>
  [former, present].every((all) => all.some((each) => each.isSure))

/** The earlier state leads to no ready pod, and the present one to some. */
const noneReady = (compared: Compared, what: string, ready: string): Objections => {
  const { former, isTarget = false, objects } = compared
  if (!isSure(compared)) return asked(`${what}. Whether these names are hosts is unknown`, { ready })
  const services = former.map(({ service }) => service)
  return isTarget || leadsTo(services, objects.target)
    ? asked(`${what}, which may be because of the incident`, { ready })
    : refuse("not-restorable", `${what}, so it is not put back.`)
}

const wordsFor = (isShare: boolean, sure: boolean): readonly [now: string, earlier: string] => {
  if (!sure) return ["names Services with", "those with"]
  return isShare ? ["sends a larger share to", "would send it to"] : ["leads to", "would lead to"]
}

/** Why the Services of the earlier state serve less than those of the present one. */
export const byReadiness = (compared: Compared): Objections => {
  const { former, isElsewhere, isShare = false, name, objects, present } = compared
  const [leads, would] = wordsFor(isShare, isSure(compared))
  const readyNow = podsOf(present, objects).filter(isPodReady).length
  const pods = podsOf(former, objects)
  const readyThen = pods.filter(isPodReady).length
  const dead = former.find((each) => isKnown(each) && !podsOf([each], objects).some(isPodReady))
  if (readyNow > 0 && readyThen > 0 && dead !== undefined)
    return asked(
      `${name} ${leads} ${readyNow} ready pods now, and its earlier state also ${isSure(compared) ? "leads to" : "names"} ${displayName(refOf(dead.service))}, which has none`,
      { ready: `${readyNow} -> ${readyThen}`, without: displayName(refOf(dead.service)) }
    )
  const subset = former.find(({ unknownSubset }) => unknownSubset !== undefined)
  const unknown = subset ?? (readyThen < readyNow ? former.find((each) => !isKnown(each)) : undefined)
  if (unknown !== undefined)
    return unknownAsks(
      compared,
      unknown,
      present.every(isKnown) && !isElsewhere ? `${readyNow} ready pods` : "unknown pods"
    )
  const ready = `${readyNow} -> ${readyThen}`
  if (readyThen < readyNow) {
    const what = `${name} ${leads} ${readyNow} ready pods now, and its earlier state ${would} ${readyThen} (${former.map(namedPods).join("; ")})`
    if (readyThen === 0) return noneReady(compared, what, ready)
    const services = [present, former].map((all) => all.map(({ service }) => service))
    return leadsTo(services[0]!, objects.target) || readyThen < pods.length || changedSince(services[1]!, objects)
      ? asked(what, { ready })
      : []
  }
  return dead !== undefined && isElsewhere
    ? asked(
        `The earlier state of ${name} ${dead.isSure ? "leads to" : "names"} ${displayName(refOf(dead.service))}, behind which no pod is ready, and what serves now is unknown`,
        { ready: `unknown -> ${readyThen}`, without: displayName(refOf(dead.service)) }
      )
    : []
}
