/** What a target shares with others, and who else writes it: see `domain/Places`. */

import { registryOf } from "../domain/Places.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import type { KubernetesObject } from "./KubernetesClient.ts"
import { otherWriterOf } from "./Managers.ts"
import { type Deployment, isPodReady, type Pod, type PodSpec } from "./ObjectModel.ts"

/** Registries and nodes beyond this number are not listed. A target that is everywhere has nothing in common. */
const listed = 20

const distinct = (names: ReadonlyArray<string>): ReadonlyArray<string> => [...new Set(names)].sort().slice(0, listed)

const imagesOf = ({ containers = [], initContainers = [] }: Partial<PodSpec>): ReadonlyArray<string> =>
  [...initContainers, ...containers].flatMap(({ image }) => image ?? [])

const podSpecOf = (object: KubernetesObject): Partial<PodSpec> => {
  const spec = object["spec"] as (Partial<Deployment["spec"]> & Partial<PodSpec>) | undefined
  return spec?.template?.spec ?? (object.kind === "Pod" ? (spec ?? {}) : {})
}

/** The parts of a state that say what the target shares, and who else writes it. */
export const sharedOf = (
  object: KubernetesObject,
  pods: ReadonlyArray<Pod>
): Pick<WorkloadState, "registries" | "nodes" | "otherWriter"> => {
  const failing = pods.filter((pod) => !isPodReady(pod))
  const writer = otherWriterOf(object)
  const nodes =
    object.kind === "Node"
      ? [object.metadata.name]
      : (failing.length > 0 ? failing : pods).flatMap(({ spec }) => spec.nodeName ?? [])
  const images = [...imagesOf(podSpecOf(object)), ...pods.flatMap(({ spec }) => imagesOf(spec))]
  return {
    registries: distinct(images.map(registryOf)),
    nodes: distinct(nodes),
    ...(writer === undefined ? {} : { otherWriter: writer })
  }
}
