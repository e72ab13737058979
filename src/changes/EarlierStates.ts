/**
 * The states that an object has had, from its present state and its recorded changes. Pure.
 *
 * A Service whose selector was broken no longer selects the pods that it served, and a policy that was deleted
 * restricts nothing any more. Both still belong to the target that they broke: by one of their earlier states.
 */

import type { FieldPath } from "../domain/FieldPath.ts"
import type { ObjectChange } from "../domain/ObjectChange.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { fieldsOf } from "./ObjectFields.ts"

/** The value with another value at a path. `undefined` removes the field or item there. */
const withValue = (value: unknown, path: FieldPath, put: unknown): unknown => {
  const [token, ...rest] = path
  if (token === undefined) return put
  if (typeof token === "string") {
    const { [token]: inner, ...others } = fieldsOf(value)
    const changed = withValue(inner, rest, put)
    return changed === undefined ? others : { ...others, [token]: changed }
  }
  const list: ReadonlyArray<unknown> = Array.isArray(value) ? value : []
  const isIt = (item: unknown) => fieldsOf(item)[token.by] === token.value
  const item = list.find(isIt) ?? (rest.length > 0 ? { [token.by]: token.value } : undefined)
  const changed = withValue(item, rest, put)
  const others = list.filter((each) => !isIt(each))
  return changed === undefined ? others : [...others, changed]
}

/** The object of a manifest, with what every object has. */
const objectOf = ({ manifest, ref, resourceVersion, uid }: ObjectChange): KubernetesObject => ({
  ...manifest,
  apiVersion: typeof manifest?.["apiVersion"] === "string" ? manifest["apiVersion"] : "",
  kind: ref.kind,
  metadata: {
    ...fieldsOf(manifest?.["metadata"]),
    name: ref.name,
    ...(ref.namespace === "" ? {} : { namespace: ref.namespace }),
    uid,
    resourceVersion
  }
})

/** The object before a change of its fields. */
const restored = (object: KubernetesObject, { fields, ref }: ObjectChange): KubernetesObject => {
  const earlier = fields.reduce<unknown>((state, { before, path }) => withValue(state, path, before), object)
  return {
    ...fieldsOf(earlier),
    kind: ref.kind,
    apiVersion: object.apiVersion,
    metadata: {
      ...fieldsOf(fieldsOf(earlier)["metadata"]),
      name: ref.name,
      uid: object.metadata.uid,
      resourceVersion: object.metadata.resourceVersion,
      ...(ref.namespace === "" ? {} : { namespace: ref.namespace })
    }
  }
}

/**
 * All states of one object that are known, the present one first. `changes` are those of the object, newest first. An
 * object of which nothing but a change is known has a state with the names of its fields only.
 */
export const statesOf = (
  present: KubernetesObject | undefined,
  changes: ReadonlyArray<ObjectChange>
): ReadonlyArray<KubernetesObject> => {
  const states: Array<KubernetesObject> = present === undefined ? [] : [present]
  let state = present
  for (const change of changes) {
    if (change.operation === "modified") {
      state = restored(state ?? objectOf(change), change)
      states.push(state)
      continue
    }
    if (change.operation === "deleted") {
      state = objectOf(change)
      states.push(state)
      continue
    }
    if (state === undefined) states.push(objectOf(change))
    state = undefined
  }
  return states
}
