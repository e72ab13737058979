/** The manifests of a case on a real control plane, and the service that works on them. */

import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { KubeConfig, type KubernetesObject, KubernetesObjectApi } from "@kubernetes/client-node"
import { Effect } from "effect"
import { parseAllDocuments } from "yaml"
import { type Environment, start, until } from "../integration/Service.ts"
import type { ControlPlane } from "../kubernetes/controlPlane.ts"

/** A file of a case. */
const file = (path: string): string => readFileSync(join(import.meta.dirname, path), "utf8")

/** The alert of a case, with other labels in the place of its own. */
export const alertOf = (path: string, labels: Readonly<Record<string, string>> = {}): unknown => {
  const webhook = JSON.parse(file(path)) as { readonly alerts: ReadonlyArray<{ readonly labels: object }> }
  return { ...webhook, alerts: webhook.alerts.map((alert) => ({ ...alert, labels: { ...alert.labels, ...labels } })) }
}

/** Why the cases cannot run on this control plane; empty when they can. A cluster that the user provides runs real pods. */
export const obstacle = (plane: ControlPlane): string =>
  !plane.available
    ? plane.note
    : existsSync(join(dirname(plane.kubeconfig), "log/audit.log"))
      ? ""
      : " (skipped: this cluster has no simulated pods)"

export interface Pod extends KubernetesObject {
  readonly status?: {
    readonly phase?: string
    readonly conditions?: ReadonlyArray<{ readonly type: string; readonly status: string }>
    readonly containerStatuses?: ReadonlyArray<{ readonly state?: { readonly waiting?: { readonly reason: string } } }>
  }
}

export interface Deployment extends KubernetesObject {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: ReadonlyArray<{ readonly image: string }> } }
  }
  readonly status?: {
    readonly readyReplicas?: number
    readonly updatedReplicas?: number
    readonly conditions?: ReadonlyArray<{ readonly type: string; readonly status: string; readonly message?: string }>
  }
}

export const make = (plane: ControlPlane) => {
  const config = () => {
    const config = new KubeConfig()
    config.loadFromFile(plane.kubeconfig)
    return config
  }
  const call = <A>(ask: (api: KubernetesObjectApi) => Promise<unknown>): Effect.Effect<A> =>
    Effect.promise(() => ask(KubernetesObjectApi.makeApiClient(config())) as Promise<A>)

  /**
   * Creates the objects of a YAML file. The namespace is ready for pods then, and its quotas are in force. Quotas come
   * before workloads: one that is created meanwhile counts some of the pods only minutes later.
   */
  const create = (path: string) =>
    createAll(...parseAllDocuments(file(path)).map((document) => document.toJS() as KubernetesObject))

  const createAll = Effect.fnUntraced(function* (...objects: ReadonlyArray<KubernetesObject>) {
    const isFirst = ({ kind }: KubernetesObject) => kind === "Namespace" || kind === "ResourceQuota"
    for (const object of [...objects.filter(isFirst), ...objects.filter((one) => !isFirst(one))]) {
      yield* call((api) => api.create(object))
      if (object.kind === "Namespace")
        yield* until(
          "a ServiceAccount",
          call<{ readonly items: ReadonlyArray<unknown> }>((api) =>
            api.list("v1", "ServiceAccount", object.metadata!.name!)
          ),
          ({ items }) => items.length > 0
        )
      if (object.kind === "ResourceQuota")
        yield* until(
          "the quota in force",
          call<{ readonly status?: { readonly hard?: unknown } }>((api) => api.read(object as never)),
          ({ status }) => status?.hard !== undefined
        )
    }
  })

  const deployment = (namespace: string, name: string) =>
    call<Deployment>((api) => api.read({ apiVersion: "apps/v1", kind: "Deployment", metadata: { namespace, name } }))

  return {
    create,
    /** Creates objects, as `create` does. */
    createAll,
    deployment,
    /** Merges the objects of a YAML file into those of the cluster, as a person who applies it does. */
    apply: (path: string) =>
      Effect.forEach(parseAllDocuments(file(path)), (document) =>
        call((api) => api.patch(document.toJS() as KubernetesObject))
      ),
    /** Merges a change into an object. */
    patch: (object: KubernetesObject & Readonly<Record<string, unknown>>) => call((api) => api.patch(object)),
    /** Removes a namespace with everything in it. */
    remove: (namespace: string) =>
      call((api) => api.delete({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } })),
    pods: (namespace: string, app: string) =>
      Effect.map(
        call<{ readonly items: ReadonlyArray<Pod> }>((api) =>
          api.list("v1", "Pod", namespace, undefined, undefined, undefined, undefined, `app=${app}`)
        ),
        ({ items }) => items
      ),
    /** The service in mode auto, with rules only. */
    serve: (settings: Environment = {}) =>
      start({
        KUBERNAUT_CLUSTER: "kubeconfig",
        KUBERNAUT_CLUSTER_NAME: "test",
        KUBERNAUT_MODE: "auto",
        KUBERNAUT_STEADY_FOR: "5 seconds",
        KUBECONFIG: plane.kubeconfig,
        ...settings
      })
  }
}
