/** Lets controllers try again to create pods that were refused. Real controllers try again after a back-off. */

import type { Cluster } from "./Cluster.ts"

const creators = ["ReplicaSet", "StatefulSet", "DaemonSet", "Job"] as const

/** For use after something that may have refused pods in a namespace has changed. */
export const retryCreations = (cluster: Cluster, namespace: string): void => {
  for (const kind of creators)
    for (const { metadata } of cluster.store.list(kind, namespace)) cluster.enqueue(kind, namespace, metadata.name)
}
