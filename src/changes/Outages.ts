/**
 * What fails besides the target and explains its symptom as well as a change does: nodes, whole zones, and the registry
 * of its images. A change that is followed by an outage is not known to be the cause.
 *
 * **Details**
 *
 * | what fails   | how it shows                                                                                   |
 * | ------------ | ---------------------------------------------------------------------------------------------- |
 * | nodes        | every pod of the target that is not ready is on a node that is not ready, or is gone           |
 * | a whole zone | no node of the zone is ready, and pods of the target wait for a node                           |
 * | a registry   | the kubelet says that it could not reach it, or the pods of other workloads, or of the earlier |
 * |              | template, cannot pull from it either                                                           |
 *
 * A registry that the change itself has named is no outage: the change explains that it cannot be reached. What others
 * cannot pull speaks against a new image only. A pull secret that everybody shares explains that too.
 *
 * Two requests, and only where a suspect was found and pods are not ready. What cannot be read may be out.
 */

import { Effect, Option } from "effect"
import { display } from "../domain/FieldPath.ts"
import type { ObjectChange } from "../domain/ObjectChange.ts"
import { registryOf } from "../domain/Places.ts"
import { imageReasons } from "../domain/RevisionHealth.ts"
import type { ResourceRef } from "../domain/Target.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import type { KubernetesClient, KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { conditionOf, isPodReady, type Node, type Pod } from "../kubernetes/ObjectModel.ts"
import { runsPods } from "./ObjectRelations.ts"

/** More objects are not read. Of a larger cluster, the zones are not known. */
const mostListed = 500
/** The graph takes two seconds, and all of it three. */
const readWithin = "700 millis"
const mostNamed = 3

const zoneLabel = "topology.kubernetes.io/zone"

/** What the outages of a target are found in. */
interface Surroundings {
  readonly nodes: ReadonlyArray<KubernetesObject>
  /** The pods of the namespace of the target. */
  readonly pods: ReadonlyArray<KubernetesObject>
}

/** What outages are looked for. */
interface OutageRequest {
  readonly target: ResourceRef
  readonly observed: WorkloadState | null
  /** The changes that may be the cause. */
  readonly suspects: ReadonlyArray<ObjectChange>
}

const isFinished = ({ status }: Pod): boolean => status?.phase === "Succeeded" || status?.phase === "Failed"

const named = (names: ReadonlyArray<string>): string =>
  names.length <= mostNamed
    ? names.join(", ")
    : `${names.slice(0, mostNamed).join(", ")} and ${names.length - mostNamed} more`

const distinct = (names: ReadonlyArray<string>): ReadonlyArray<string> => [...new Set(names)].toSorted()

const isDown = ({ status }: Node): boolean => {
  const ready = conditionOf(status?.conditions, "Ready")
  return ready !== undefined && ready.status !== "True"
}

/** The zones of which no node is ready. */
const zonesDown = (nodes: ReadonlyArray<Node>): ReadonlyArray<string> => {
  const zones = new Map<string, boolean>()
  for (const node of nodes) {
    const zone = node.metadata.labels?.[zoneLabel]
    if (zone !== undefined) zones.set(zone, (zones.get(zone) ?? true) && isDown(node))
  }
  return nodes.length >= mostListed ? [] : distinct([...zones].flatMap(([zone, down]) => (down ? [zone] : [])))
}

/** The pods of the target that are not ready; those of the namespace where the target has no pods of its own. */
const failingPods = ({ observed, target }: OutageRequest, pods: ReadonlyArray<Pod>): ReadonlyArray<Pod> => {
  const failing = pods.filter((pod) => !isPodReady(pod) && !isFinished(pod))
  if (!runsPods(target.kind)) return failing
  const own = new Set((observed?.pods ?? []).map(({ uid }) => uid))
  return failing.filter(({ metadata }) => own.has(metadata.uid))
}

const ofNodes = (
  { target }: OutageRequest,
  failing: ReadonlyArray<Pod>,
  nodes: ReadonlyArray<Node>
): ReadonlyArray<string> => {
  if (nodes.length === 0) return []
  const down = new Set(nodes.filter(isDown).map(({ metadata }) => metadata.name))
  const known = new Set(nodes.map(({ metadata }) => metadata.name))
  const isLost = (name: string): boolean => down.has(name) || (nodes.length < mostListed && !known.has(name))
  const placed = failing.flatMap(({ spec }) => spec.nodeName ?? [])
  const lost = distinct(placed.filter(isLost))
  const zones = zonesDown(nodes)
  // What else fails in the namespace says nothing about a Service, so one lost pod is enough.
  const isAll = lost.length > 0 && (!runsPods(target.kind) || placed.every(isLost))
  const waits = placed.length < failing.length
  if (!isAll && !(waits && zones.length > 0)) return []
  const whole = zones.length === 0 ? "" : ` No node of zone ${named(zones)} is ready.`
  return isAll
    ? [`The pods that are not ready are on nodes that are not ready: ${named(lost)}.${whole}`]
    : [`Pods wait for a node.${whole}`]
}

/** What runtimes say of a registry that does not respond. */
const unreachable =
  /time(?:d )?-?out|deadline exceeded|no such host|connection (?:refused|reset)|network is unreachable|no route to host|server misbehaving|\bEOF\b|x509:|service unavailable|bad gateway|internal server error|too ?many ?requests|registry ?unavailable/i
/** What a registry says that responds. */
const responds = /not found|manifest unknown|unauthori[sz]ed|denied|forbidden|does not exist|invalid reference/i

interface Pull {
  readonly uid: string
  readonly registry: string
  readonly isUnreachable: boolean
}

/** The containers of a pod whose image cannot be pulled. */
const failedPulls = ({ metadata, spec, status }: Pod): ReadonlyArray<Pull> => {
  const images = new Map([...(spec.initContainers ?? []), ...spec.containers].map(({ image, name }) => [name, image]))
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].flatMap(({ name, state }) => {
    const { message = "", reason = "" } = (state?.waiting ?? {}) as {
      readonly message?: string
      readonly reason?: string
    }
    const image = images.get(name)
    if (image === undefined || !(imageReasons.includes(reason) || reason === "RegistryUnavailable")) return []
    return [
      {
        uid: metadata.uid,
        registry: registryOf(image),
        isUnreachable: reason === "RegistryUnavailable" || (unreachable.test(message) && !responds.test(message))
      }
    ]
  })
}

const imagesOf = ({ fields }: ObjectChange) =>
  fields.flatMap(({ after, before, path }) =>
    display(path).endsWith(".image") && typeof before === "string" && typeof after === "string" ? [[before, after]] : []
  )

/** Whether a change has pods pull from another registry than before. */
const namesRegistry = (change: ObjectChange): boolean =>
  imagesOf(change).some(([before = "", after = ""]) => registryOf(before) !== registryOf(after))

const ofRegistries = (
  { observed, suspects }: OutageRequest,
  failing: ReadonlyArray<Pod>,
  pods: ReadonlyArray<Pod>
): ReadonlyArray<string> => {
  if (suspects.some(namesRegistry)) return []
  const own = failing.flatMap(failedPulls)
  const mine = new Set((observed?.pods ?? []).flatMap(({ current, uid }) => (current === false ? [] : [uid])))
  const others = pods.filter(({ metadata }) => !mine.has(metadata.uid)).flatMap(failedPulls)
  const isNewImage = suspects.every((change) => imagesOf(change).length > 0)
  return distinct(own.map(({ registry }) => registry)).flatMap((registry) => {
    const of = (pulls: ReadonlyArray<Pull>) => pulls.filter((pull) => pull.registry === registry)
    if (of(own).some(({ isUnreachable }) => isUnreachable)) return [`The registry ${registry} cannot be reached.`]
    return isNewImage && of(others).length > 0 ? [`Other pods cannot pull from the registry ${registry} either.`] : []
  })
}

/** What explains the symptom besides a change, one sentence each. Pure. */
export const outagesOf = (request: OutageRequest, { nodes, pods }: Surroundings): ReadonlyArray<string> => {
  const all = (pods as ReadonlyArray<Pod>).filter(
    ({ metadata, spec }) => metadata.deletionTimestamp === undefined && Array.isArray(spec?.containers)
  )
  const failing = failingPods(request, all)
  return [...ofNodes(request, failing, nodes as ReadonlyArray<Node>), ...ofRegistries(request, failing, all)]
}

/** Whether an outage could explain the symptom at all. */
const mayBeOut = ({ observed, target }: OutageRequest): boolean =>
  target.kind !== "Node"
  && target.namespace !== ""
  && (!runsPods(target.kind) || observed === null || observed.pods.some(({ ready }) => !ready))

/** Reads what is around the target, and finds what fails there, or may. It never fails, and takes a second at most. */
export const find = (
  client: KubernetesClient["Service"],
  request: OutageRequest
): Effect.Effect<ReadonlyArray<string>> => {
  if (request.suspects.length === 0 || !mayBeOut(request)) return Effect.succeed([])
  const read = (kind: string, namespace?: string) =>
    client
      .list(kind, { limit: mostListed, ...(namespace === undefined ? {} : { namespace }) })
      .pipe(Effect.timeout(readWithin), Effect.option)
  return Effect.map(
    Effect.all([read("Node"), read("Pod", request.target.namespace)], { concurrency: "unbounded" }),
    ([nodes, pods]) =>
      Option.isSome(nodes) && Option.isSome(pods)
        ? outagesOf(request, { nodes: nodes.value, pods: pods.value })
        : ["It could not be read whether nodes or a registry fail."]
  )
}
