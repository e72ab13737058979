/** The kinds of the Gateway API on a real API server, without their schemas. */

import type { KubernetesObject as Manifest } from "@kubernetes/client-node"
import { Effect } from "effect"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import { eventually } from "../execution/realCluster.ts"

const group = "gateway.networking.k8s.io"
const routes = [
  ["HTTPRoute", "httproute"],
  ["GRPCRoute", "grpcroute"],
  ["Gateway", "gateway"]
] as const

export const routeDefinitions: ReadonlyArray<Manifest> = routes.map(([kind, singular]) => {
  // The client writes its name with dashes.
  const anything = { type: "object", x_kubernetes_preserve_unknown_fields: true }
  const schema = { openAPIV3Schema: { type: "object", properties: { spec: anything, status: anything } } }
  const manifest = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    // The API server asks for it on groups of Kubernetes.
    metadata: { name: `${singular}s.${group}`, annotations: { "api-approved.kubernetes.io": "unapproved, for tests" } },
    spec: {
      group,
      scope: "Namespaced",
      names: { kind, singular, plural: `${singular}s`, listKind: `${kind}List` },
      versions: [{ name: "v1", served: true, storage: true, schema }]
    }
  }
  return manifest as Manifest
})

/** Waits until the API server serves them. */
export const routesServed = Effect.flatMap(KubernetesClient, (client) =>
  Effect.forEach(routes, ([kind]) =>
    eventually(
      `${kind} is served`,
      Effect.match(client.list(kind, {}), { onFailure: () => false, onSuccess: () => true }),
      (served) => served
    )
  )
)
