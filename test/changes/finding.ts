/** Finds suspects in recorded changes, in a cluster of fixed objects. */

import { Effect, Layer } from "effect"
import { type ChangeJournal, layerMemory, type MemoryOptions } from "../../src/changes/ChangeJournal.ts"
import * as SuspectFinder from "../../src/changes/SuspectFinder.ts"
import type { Alert } from "../../src/domain/Alert.ts"
import type { Firing } from "../../src/domain/Firing.ts"
import type { WorkloadState } from "../../src/domain/WorkloadState.ts"
import { KubernetesClient, KubernetesError, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { deployment, service } from "./objects.ts"
import { alert, pod, startsMs, state, target } from "./scenes.ts"

const error = (tag: "Forbidden" | "NotFound" | "Unavailable"): KubernetesError =>
  new KubernetesError({ reason: { _tag: tag }, operation: "list", applied: "no", retryable: false })

interface Cluster {
  readonly objects?: ReadonlyArray<KubernetesObject>
  readonly failing?: Readonly<Record<string, "Forbidden" | "NotFound" | "Unavailable">>
  readonly hanging?: ReadonlyArray<string>
}

/** A cluster of fixed objects that counts its requests. */
export const clusterOf = ({ failing = {}, hanging = [], objects = [] }: Cluster) => {
  const requests: Array<string> = []
  const request = <A>(kind: string, answer: Effect.Effect<A, KubernetesError>): Effect.Effect<A, KubernetesError> =>
    Effect.suspend(() => {
      requests.push(kind)
      const fault = failing[kind]
      if (hanging.includes(kind)) return Effect.never
      return fault === undefined ? answer : Effect.fail(error(fault))
    })
  const is = (each: KubernetesObject, kind: string, namespace = "") =>
    each.kind === kind && (namespace === "" || each.metadata.namespace === namespace)
  const client = {
    get: ({ kind, name, namespace }: { kind: string; name: string; namespace: string }) => {
      const found = objects.find((each) => is(each, kind, namespace) && each.metadata.name === name)
      return request(kind, found === undefined ? Effect.fail(error("NotFound")) : Effect.succeed(found))
    },
    list: (kind: string, { namespace }: { namespace?: string }) =>
      request(kind, Effect.succeed(objects.filter((each) => is(each, kind, namespace))))
  } as unknown as KubernetesClient["Service"]
  return { client, requests }
}

export const shop = [deployment("checkout"), service("checkout", { app: "checkout" })]
const serving = state({ pods: [pod("checkout-1"), pod("checkout-2")] })

export const find = (
  given: MemoryOptions | { readonly layer: Layer.Layer<ChangeJournal> },
  cluster: Cluster = { objects: shop },
  fired: Alert = alert("CheckoutErrorRateHigh"),
  observed: WorkloadState | null = serving,
  of: { readonly namespace: string; readonly kind: string; readonly name: string } = target,
  firings: ReadonlyArray<Firing> = []
) => {
  const { client, requests } = clusterOf(cluster)
  return Effect.gen(function* () {
    const { suspectsOf } = yield* SuspectFinder.SuspectFinder
    const found = yield* suspectsOf({
      alert: fired,
      target: { cluster: "dev", ...of },
      observed,
      firings,
      nowMs: startsMs + 5000
    })
    return { ...found, requests }
  }).pipe(
    Effect.provide(
      Layer.provide(
        SuspectFinder.layer,
        Layer.merge("layer" in given ? given.layer : layerMemory(given), Layer.succeed(KubernetesClient, client))
      )
    )
  )
}
