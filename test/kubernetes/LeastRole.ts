/** The roles that `deploy/rbac.yaml` ships. */

import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parseAllDocuments } from "yaml"
import type { PolicyRule } from "../../src/kubernetes/Access.ts"

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
