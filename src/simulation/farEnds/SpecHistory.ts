/**
 * What each workload was meant to be, as the API server knows: every spec with the party that wrote it. For checkers
 * that compare it with what the service has seen.
 */

import type { ResourceRef } from "../../domain/Target.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { specDigest } from "../../kubernetes/SpecDigest.ts"
import { hasTemplate } from "./WorkloadObjects.ts"

/** A spec and its writer. */
export interface SpecState {
  readonly by: "kubernaut" | "somebody"
  readonly atMs: number
  /** `undefined` while the object is deleted. */
  readonly uid: string | undefined
  /** The digests with and without the replica count. */
  readonly digests: ReadonlyArray<string | null>
}

export class SpecHistory {
  private readonly states = new Map<string, Array<SpecState>>()

  /** The specs of a workload so far, the newest last. */
  of(ref: ResourceRef): ReadonlyArray<SpecState> {
    return this.states.get(ref.name) ?? []
  }

  /** Notes the spec after a write. A write of somebody else that leaves the spec as it was changes nothing. */
  note(ref: ResourceRef, by: SpecState["by"], object: KubernetesObject | undefined, atMs: number): void {
    if (!hasTemplate(ref)) return
    const states = this.states.get(ref.name) ?? []
    this.states.set(ref.name, states)
    const uid = object?.metadata.uid
    const digests = object === undefined ? [] : [specDigest(object), specDigest(object, true)]
    const last = states.at(-1)
    if (by === "somebody" && last?.uid === uid && last?.digests[0] === digests[0]) return
    states.push({ by, atMs, uid, digests })
  }
}
