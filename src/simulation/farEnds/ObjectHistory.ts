/**
 * The states of the objects that configure behaviour, as the API server knows them, each with the party that wrote it.
 * For checkers that compare it with what the service takes back.
 */

import type { Schema } from "effect"
import { differences, type FieldDifference } from "../../domain/FieldPath.ts"
import type { ResourceRef } from "../../domain/Target.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"

/** A state and its writer. */
export interface ObjectState {
  readonly by: "kubernaut" | "somebody"
  readonly atMs: number
  /** What somebody may write of it; `undefined` while the object does not exist. */
  readonly fields: Schema.JsonObject | undefined
}

const unkept = new Set(["Pod", "Event", "ReplicaSet", "ControllerRevision", "EndpointSlice", "Lease"])
const mostStates = 500

const withoutNotes = (annotations: Readonly<Record<string, string>> = {}) =>
  Object.fromEntries(
    Object.entries(annotations).filter(([name]) => !/^(kubernaut\.dev|deployment\.kubernetes\.io)\//.test(name))
  )

const fieldsOf = ({ metadata, status: _status, ...rest }: KubernetesObject): Schema.JsonObject =>
  ({
    ...rest,
    metadata: { labels: metadata.labels ?? {}, annotations: withoutNotes(metadata.annotations) }
  }) as unknown as Schema.JsonObject

const keyOf = ({ kind, name, namespace }: ResourceRef): string => `${kind} ${namespace}/${name}`

export class ObjectHistory {
  private readonly states = new Map<string, Array<ObjectState>>()

  /** Whether objects of this kind are kept. */
  keeps({ kind }: ResourceRef): boolean {
    return !unkept.has(kind)
  }

  /** The states of an object so far, the newest last. */
  of(ref: ResourceRef): ReadonlyArray<ObjectState> {
    return this.states.get(keyOf(ref)) ?? []
  }

  /** The states of all objects. */
  get all(): ReadonlyMap<string, ReadonlyArray<ObjectState>> {
    return this.states
  }

  /** Notes the state after a write, or before one. A state that is known is not noted again. */
  note(ref: ResourceRef, by: ObjectState["by"], object: KubernetesObject | undefined, atMs: number): void {
    const states = this.states.get(keyOf(ref)) ?? []
    this.states.set(keyOf(ref), states)
    const fields = object === undefined ? undefined : fieldsOf(object)
    const last = states.at(-1)
    if (last !== undefined && differences(last.fields, fields).length === 0) return
    states.push({ by, atMs, fields })
    if (states.length > mostStates) states.shift()
  }
}

/** The fields that a transition has changed. */
export const changedBy = (states: ReadonlyArray<ObjectState>, index: number): ReadonlyArray<FieldDifference> => {
  const [before, after] = [states[index - 1]?.fields, states[index]?.fields]
  return before === undefined || after === undefined ? [] : differences(before, after)
}
