/** The endpoint controller: one EndpointSlice per Service, with the addresses of the pods that its selector matches. */

import { type EndpointSlice, isPodReady } from "../ObjectModel.ts"
import { sameJson } from "../SameJson.ts"
import type { Cluster } from "./Cluster.ts"

const serviceNameLabel = "kubernetes.io/service-name"

export const reconcileService = (cluster: Cluster, namespace: string, name: string): void => {
  const service = cluster.store.get("Service", namespace, name)
  const selector = service?.spec?.selector
  if (service === undefined || selector === undefined) return
  const endpoints = cluster.store
    .select("Pod", namespace, selector)
    .filter((pod) => pod.status?.podIP !== undefined && pod.status.phase === "Running")
    .map((pod) => ({
      addresses: [pod.status!.podIP!],
      conditions: {
        ready: isPodReady(pod),
        serving: isPodReady(pod),
        terminating: pod.metadata.deletionTimestamp !== undefined
      },
      targetRef: { kind: "Pod", namespace, name: pod.metadata.name, uid: pod.metadata.uid },
      nodeName: pod.spec.nodeName ?? ""
    }))
  const slice = cluster.store.ownedBy(service.metadata.uid, "EndpointSlice")[0]
  if (slice === undefined) {
    cluster.store.put<EndpointSlice>({
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: cluster.newMetadata(`${name}-${cluster.suffix()}`, namespace, {
        generation: 1,
        labels: {
          [serviceNameLabel]: name,
          "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"
        },
        ownerReferences: [{ apiVersion: "v1", kind: "Service", name, uid: service.metadata.uid, controller: true }]
      }),
      addressType: "IPv4",
      endpoints,
      ports: service.spec?.["ports"] ?? []
    })
  } else if (!sameJson(slice.endpoints, endpoints)) {
    cluster.store.put<EndpointSlice>({
      ...slice,
      metadata: { ...slice.metadata, generation: (slice.metadata.generation ?? 1) + 1 },
      endpoints
    })
  }
}
