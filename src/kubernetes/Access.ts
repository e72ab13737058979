/** Access rights of Kubernetes' RBAC as data: what a request needs, and what rules grant. */

/** A verb of the API server's authorization. A read of a log is a `get`, an eviction a `create`. */
export type Verb = "get" | "list" | "watch" | "create" | "patch" | "delete"

/** What one kind of request needs, in any namespace. */
export interface Permission {
  readonly verb: Verb
  readonly kind: string
  readonly subresource?: "log" | "eviction"
}

/** What one request needs. */
export interface Access extends Permission {
  /** Empty: all namespaces, or a kind without namespaces. */
  readonly namespace: string
}

/** One rule of a Role or ClusterRole, as `rbac.authorization.k8s.io/v1` has it. */
export interface PolicyRule {
  readonly verbs: ReadonlyArray<string>
  readonly apiGroups?: ReadonlyArray<string>
  readonly resources?: ReadonlyArray<string>
  /** Absent or empty: every object. */
  readonly resourceNames?: ReadonlyArray<string>
  readonly nonResourceURLs?: ReadonlyArray<string>
}

/** The rules in force for an identity in one namespace. */
export interface GrantedRules {
  readonly rules: ReadonlyArray<PolicyRule>
  /** Another authorizer than RBAC may grant more, and does not say what. */
  readonly incomplete: boolean
}
