/** Somebody deletes pods of a workload. After each, its controllers may delete another one of them themselves. */

import { Result } from "effect"
import type { Change } from "../../domain/Change.ts"
import type { ResourceRef } from "../../domain/Target.ts"

interface Cluster {
  readonly read: (ref: ResourceRef) => Result.Result<unknown, unknown>
  readonly write: (change: Change) => void
}

export const deletePods = (
  cluster: Cluster,
  { namespace }: ResourceRef,
  pods: ReadonlyArray<{ readonly name: string; readonly uid: string }>
): void => {
  for (const { name, uid } of pods) {
    const ref = { namespace, kind: "Pod", name }
    if (Result.isSuccess(cluster.read(ref))) cluster.write({ _tag: "Delete", ref, uid })
  }
}
