/** A cluster of healthy Deployments, each with one ReplicaSet and any number of pods, that takes its time. */

import { Effect, Layer, Stream } from "effect"
import { KubernetesClient, KubernetesError, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"

export interface SlowCluster {
  /** How long a request takes. */
  latencyMs: number
  /** The error of every request; `undefined` while the cluster responds. */
  down: KubernetesError["reason"] | undefined
  /** Requests in flight, and the most there were at once. */
  inFlight: number
  most: number
  requests: number
}

const owner = (kind: string, name: string) => ({
  ownerReferences: [{ apiVersion: "apps/v1", kind, name, uid: `${kind}-${name}`, controller: true }]
})

const labels = (app: string) => ({ app })

/** `checkout` is a Deployment, `checkout-rs` its ReplicaSet and `checkout-rs-1` a pod of it. */
const objectOf = (kind: string, name: string): KubernetesObject => {
  const app = name.replace(/-rs.*$/, "")
  const metadata = { name, namespace: "storm", uid: `${kind}-${name}`, resourceVersion: "1", generation: 1 }
  const template = { metadata: { labels: labels(app) }, spec: { containers: [{ name: "app", image: "app:1" }] } }
  const spec = { replicas: 1, selector: { matchLabels: labels(app) }, template }
  const counts = { replicas: 1, readyReplicas: 1, updatedReplicas: 1, availableReplicas: 1 }
  const status = { observedGeneration: 1, ...counts, conditions: [] }
  switch (kind) {
    case "Pod":
      return {
        apiVersion: "v1",
        kind,
        metadata: { ...metadata, labels: labels(app), ...owner("ReplicaSet", `${app}-rs`) },
        spec: template.spec,
        status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }], containerStatuses: [] }
      }
    case "ReplicaSet":
      return { apiVersion: "apps/v1", kind, metadata: { ...metadata, ...owner("Deployment", app) }, spec, status }
    default:
      return { apiVersion: "apps/v1", kind, metadata, spec, status }
  }
}

export const make = (given: Partial<SlowCluster> = {}) => {
  const state: SlowCluster = { latencyMs: 20, down: undefined, inFlight: 0, most: 0, requests: 0, ...given }
  const request = <A>(operation: string, answer: () => A): Effect.Effect<A, KubernetesError> =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        state.requests++
        state.most = Math.max(state.most, ++state.inFlight)
      }),
      () =>
        Effect.andThen(
          Effect.sleep(state.latencyMs),
          Effect.suspend(() =>
            state.down === undefined
              ? Effect.succeed(answer())
              : Effect.fail(new KubernetesError({ reason: state.down, operation, applied: "no", retryable: true }))
          )
        ),
      () => Effect.sync(() => void state.inFlight--)
    )
  const layer = Layer.succeed(KubernetesClient, {
    // The identity of the cluster, which is read at start and before each write.
    get: ({ kind, name }) =>
      kind === "Namespace" ? Effect.sync(() => objectOf(kind, name)) : request("get", () => objectOf(kind, name)),
    list: (kind, { labelSelector = {} }) =>
      request("list", () => {
        const { app } = labelSelector
        return app === undefined || kind !== "ReplicaSet" ? [] : [objectOf(kind, `${app}-rs`)]
      }),
    apply: (change) => request("apply", () => objectOf(change.ref.kind, change.ref.name)),
    logs: () => request("logs", () => ""),
    watch: () => Stream.empty,
    probe: request("probe", () => undefined)
  })
  return { state, layer }
}
