/** The roles that `deploy/rbac.yaml` ships. */

import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { CoreV1Api, type KubeConfig } from "@kubernetes/client-node"
import { parseAllDocuments } from "yaml"
import type { Permission, PolicyRule } from "../../src/kubernetes/Access.ts"
import { apiGroupOf, resourceNameOf } from "../../src/kubernetes/AccessRules.ts"

export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly rules?: ReadonlyArray<PolicyRule>
  readonly roleRef?: { readonly kind: string; readonly name: string }
}

export const roleText = readFileSync(fileURLToPath(new URL("../../deploy/rbac.yaml", import.meta.url)), "utf8")

export const manifests: ReadonlyArray<Manifest> = parseAllDocuments(roleText).map(
  (document) => document.toJS() as Manifest
)

/** Without the binding of the role that records changes, because some of its reads are those of the other roles. */
export const installed = manifests.filter(
  ({ kind, metadata }) => kind !== "ClusterRoleBinding" || metadata.name !== "kubernaut-changes"
)

/** The rules of one ClusterRole. */
export const rulesOf = (
  role: "kubernaut-observe" | "kubernaut-act" | "kubernaut-changes" | "kubernaut-changes-secrets"
): ReadonlyArray<PolicyRule> =>
  manifests.find(({ kind, metadata }) => kind === "ClusterRole" && metadata.name === role)?.rules ?? []

/** Every verb on every resource that rules grant, as `verb resource.group`. */
export const grants = (rules: ReadonlyArray<PolicyRule>): ReadonlyArray<string> =>
  rules.flatMap(({ apiGroups = [], resources = [], verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}${group === "" ? "" : `.${group}`}`))
    )
  )

/** The rules without one of their permissions. */
export const without = (rules: ReadonlyArray<PolicyRule>, permission: Permission): ReadonlyArray<PolicyRule> =>
  rules.flatMap((rule) => {
    const resource = resourceNameOf(permission)
    if (!rule.apiGroups?.includes(apiGroupOf(permission)) || !rule.resources?.includes(resource)) return [rule]
    const others = rule.resources.filter((each) => each !== resource)
    const verbs = rule.verbs.filter((verb) => verb !== permission.verb)
    return [
      ...(others.length === 0 ? [] : [{ ...rule, resources: others }]),
      ...(verbs.length === 0 ? [] : [{ ...rule, resources: [resource], verbs }])
    ]
  })

/** A kubeconfig of the ServiceAccount of the roles, for an hour. */
export const serviceKubeconfig = async (admin: KubeConfig): Promise<string> => {
  const { status } = await admin.makeApiClient(CoreV1Api).createNamespacedServiceAccountToken({
    namespace: "kubernaut",
    name: "kubernaut",
    body: { spec: { audiences: [], expirationSeconds: 3600 } }
  })
  const { caData, server } = admin.getCurrentCluster()!
  return JSON.stringify({
    clusters: [{ name: "c", cluster: { server, "certificate-authority-data": caData } }],
    users: [{ name: "u", user: { token: status?.token ?? "" } }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x"
  })
}
