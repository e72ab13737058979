/**
 * Another cluster answers at the same address: somebody has recreated the cluster, or has pointed its name elsewhere.
 * Its objects have the same names, so only the uid of `kube-system` tells them apart.
 */

import { Effect, Schema } from "effect"
import type { KubernetesObject } from "../../../kubernetes/KubernetesClient.ts"
import type { ClusterRequest } from "../../farEnds/paths/ClusterPath.ts"
import { onWire } from "../FaultKind.ts"

const minuteMs = 60_000

/** The uid that another cluster's `kube-system` has. */
const otherUid = "00000000-dead-4bee-8bad-00000000c0de"

export const clusterReplaced = onWire({
  name: "cluster-replaced",
  target: "cluster",
  description: "Another cluster answers at the same address.",
  parameters: Schema.Struct({}),
  lasts: [3 * minuteMs, 10 * minuteMs],
  misleads: true,
  draw: () => ({}),
  disturb: (_, wire) =>
    wire.cluster.disturb(<A, E>(request: ClusterRequest, server: Effect.Effect<A, E>) =>
      request.verb === "get" && request.kind === "Namespace" && request.name === "kube-system"
        ? Effect.map(server, (answer) => {
            const object = answer as KubernetesObject
            return { ...object, metadata: { ...object.metadata, uid: otherUid } } as A
          })
        : server
    )
})
