/** The states of changed objects, as the journal knows them: the present ones and the earlier ones. Pure. */

import type { ObjectChange } from "../domain/ObjectChange.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import type { ChangeJournal } from "./ChangeJournal.ts"
import { statesOf } from "./EarlierStates.ts"

/** The changes of each object. */
export const grouped = (changes: ReadonlyArray<ObjectChange>): ReadonlyArray<ReadonlyArray<ObjectChange>> => {
  const byRef = new Map<string, Array<ObjectChange>>()
  for (const change of changes) {
    const { kind, name, namespace } = change.ref
    const key = `${kind}/${namespace}/${name}`
    byRef.set(key, [...(byRef.get(key) ?? []), change])
  }
  return [...byRef.values()]
}

/** What the journal knows of the changed objects. */
export interface Known {
  readonly states: ReadonlyArray<KubernetesObject>
  readonly presentOf: ReadonlyMap<ObjectChange, KubernetesObject | null>
}

/** The states of the changed objects. An object whose last change is its deletion does not exist. */
export const knownOf = (changes: ReadonlyArray<ObjectChange>, present: ChangeJournal["Service"]["present"]): Known => {
  const presentOf = new Map<ObjectChange, KubernetesObject | null>()
  const states = grouped(changes).flatMap((ofOne) => {
    const [newest] = ofOne
    if (newest === undefined) return []
    const now = present(newest.ref)
    for (const change of ofOne) {
      if (now !== undefined) presentOf.set(change, now)
      else if (newest.operation === "deleted") presentOf.set(change, null)
    }
    return statesOf(now, ofOne)
  })
  return { states, presentOf }
}
