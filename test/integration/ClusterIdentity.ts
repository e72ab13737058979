/** An identity for the service on a real cluster: a ServiceAccount with exactly the given rights, and its kubeconfig. */

import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { CoreV1Api, type KubeConfig, type KubernetesObject, KubernetesObjectApi } from "@kubernetes/client-node"
import { Effect, type Scope } from "effect"
import { temporaryDirectory } from "./Service.ts"

/** Rules that allow the service to read everything that it needs. */
export const readable = [
  {
    apiGroups: [""],
    resources: [
      "pods",
      "pods/log",
      "events",
      "nodes",
      "namespaces",
      "services",
      "endpoints",
      "persistentvolumeclaims",
      "resourcequotas",
      "limitranges"
    ],
    verbs: ["get", "list", "watch"]
  },
  {
    apiGroups: ["apps"],
    resources: ["deployments", "replicasets", "statefulsets", "daemonsets"],
    verbs: ["get", "list", "watch"]
  },
  { apiGroups: ["batch"], resources: ["jobs", "cronjobs"], verbs: ["get", "list", "watch"] },
  { apiGroups: ["autoscaling"], resources: ["horizontalpodautoscalers"], verbs: ["get", "list", "watch"] },
  { apiGroups: ["policy"], resources: ["poddisruptionbudgets"], verbs: ["get", "list", "watch"] },
  { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["get", "list", "watch"] }
]

/** Rules that allow the service to patch Deployments, and to try whether their new pods would be admitted. */
export const patchable = [
  { apiGroups: ["apps"], resources: ["deployments"], verbs: ["patch"] },
  { apiGroups: [""], resources: ["pods"], verbs: ["create"] }
]

export interface Identity {
  /** As in the audit log. */
  readonly username: string
  readonly token: string
  readonly kubeconfig: string
}

/** Creates a ServiceAccount with these rights in the whole cluster. `config` is that of an administrator. */
export const make = Effect.fnUntraced(function* (
  config: KubeConfig,
  namespace: string,
  rules: ReadonlyArray<unknown>
): Effect.fn.Return<Identity, never, Scope.Scope> {
  const name = `kubernaut-${namespace}`
  const api = KubernetesObjectApi.makeApiClient(config)
  const create = (object: KubernetesObject & Readonly<Record<string, unknown>>) =>
    Effect.promise(() => api.create(object))
  const remove = (object: KubernetesObject) => Effect.promise(() => api.delete(object))
  const role = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name } }
  const binding = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRoleBinding", metadata: { name } }
  yield* create({ apiVersion: "v1", kind: "ServiceAccount", metadata: { namespace, name } })
  yield* Effect.acquireRelease(create({ ...role, rules }), () => remove(role))
  yield* Effect.acquireRelease(
    create({
      ...binding,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
      subjects: [{ kind: "ServiceAccount", name, namespace }]
    }),
    () => remove(binding)
  )
  const { status } = yield* Effect.promise(() =>
    config.makeApiClient(CoreV1Api).createNamespacedServiceAccountToken({
      namespace,
      name,
      body: { spec: { audiences: [], expirationSeconds: 3600 } }
    })
  )
  const token = status!.token!
  const { caData, caFile, server } = config.getCurrentCluster()!
  const kubeconfig = join(yield* temporaryDirectory, "kubeconfig")
  // JSON is YAML.
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "test",
      clusters: [
        {
          name: "test",
          cluster: { server, "certificate-authority-data": caData ?? readFileSync(caFile!).toString("base64") }
        }
      ],
      users: [{ name: "test", user: { token } }],
      contexts: [{ name: "test", context: { cluster: "test", user: "test" } }]
    })
  )
  return { username: `system:serviceaccount:${namespace}:${name}`, token, kubeconfig }
})
