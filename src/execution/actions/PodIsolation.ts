/**
 * Whether a pod template isolates its containers less than another one. Pure.
 *
 * The checks are those of the level `baseline` of the Pod Security Standards of Kubernetes, which prevents known
 * privilege escalations, and the token of the ServiceAccount: a container that could not reach the node, or the API
 * server, can after the change. The checks that only `restricted` has do not count. A pod without them was in force
 * before, and can do nothing to its node.
 *
 * @see https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */

import * as FieldPath from "../../domain/FieldPath.ts"
import { type Ask, ask } from "../Plan.ts"

type Fields = Readonly<Record<string, unknown>>

/** One grant of a template: the field, and what it grants. */
interface Grant {
  readonly field: string
  readonly grants: string
}

const fieldsOf = (value: unknown): Fields => (typeof value === "object" && value !== null ? (value as Fields) : {})

const listOf = (value: unknown): ReadonlyArray<unknown> =>
  Array.isArray(value) ? (value as ReadonlyArray<unknown>) : []

/** The capabilities that the level allows to add. */
const allowedCapabilities: ReadonlySet<string> = new Set([
  "AUDIT_WRITE",
  "CHOWN",
  "DAC_OVERRIDE",
  "FOWNER",
  "FSETID",
  "KILL",
  "MKNOD",
  "NET_BIND_SERVICE",
  "SETFCAP",
  "SETGID",
  "SETPCAP",
  "SETUID",
  "SYS_CHROOT"
])

/** The sysctls that the level allows. */
const safeSysctls =
  /^(kernel\.shm_rmid_forced|net\.ipv4\.(ip_local_port_range|ip_unprivileged_port_start|tcp_syncookies|ping_group_range|ip_local_reserved_ports|tcp_keepalive_time|tcp_fin_timeout|tcp_keepalive_intvl|tcp_keepalive_probes))$/

const profiles = (security: Fields, at: FieldPath.FieldPath): ReadonlyArray<Grant> =>
  ["seccompProfile", "appArmorProfile"].flatMap((profile) =>
    fieldsOf(security[profile])["type"] === "Unconfined"
      ? [{ field: FieldPath.display([...at, profile, "type"]), grants: "Unconfined" }]
      : []
  )

const podGrants = (spec: Fields): ReadonlyArray<Grant> => {
  const security = fieldsOf(spec["securityContext"])
  return [
    ...["hostNetwork", "hostPID", "hostIPC"].flatMap((field) =>
      spec[field] === true ? [{ field: `spec.${field}`, grants: "true" }] : []
    ),
    ...profiles(security, ["spec", "securityContext"]),
    ...listOf(security["sysctls"]).flatMap((each) => {
      const name = String(fieldsOf(each)["name"])
      return safeSysctls.test(name) ? [] : [{ field: "spec.securityContext.sysctls", grants: name }]
    }),
    ...listOf(spec["volumes"]).flatMap((each) => {
      const path = fieldsOf(fieldsOf(each)["hostPath"])["path"]
      return path === undefined ? [] : [{ field: "spec.volumes", grants: `hostPath ${String(path)}` }]
    })
  ]
}

const containerGrants = (list: string, given: unknown): ReadonlyArray<Grant> => {
  const container = fieldsOf(given)
  const at: FieldPath.FieldPath = ["spec", list, String(container["name"])]
  const security = fieldsOf(container["securityContext"])
  const field = (...path: ReadonlyArray<string>): string => FieldPath.display([...at, ...path])
  return [
    ...(security["privileged"] === true ? [{ field: field("securityContext", "privileged"), grants: "true" }] : []),
    ...listOf(fieldsOf(security["capabilities"])["add"]).flatMap((each) =>
      allowedCapabilities.has(String(each))
        ? []
        : [{ field: field("securityContext", "capabilities", "add"), grants: String(each) }]
    ),
    ...(security["procMount"] === "Unmasked"
      ? [{ field: field("securityContext", "procMount"), grants: "Unmasked" }]
      : []),
    ...profiles(security, [...at, "securityContext"]),
    ...listOf(container["ports"]).flatMap((each) => {
      const port = fieldsOf(each)["hostPort"]
      return typeof port === "number" && port > 0 ? [{ field: field("ports"), grants: `hostPort ${port}` }] : []
    })
  ]
}

const grantsOf = (template: unknown): ReadonlyArray<Grant> => {
  const spec = fieldsOf(fieldsOf(template)["spec"])
  return [
    ...podGrants(spec),
    ...["initContainers", "containers"].flatMap((list) =>
      listOf(spec[list]).flatMap((container) => containerGrants(list, container))
    )
  ]
}

/** A template that says nothing about the token gets it, unless the ServiceAccount refuses it. */
const getsToken = (template: unknown): boolean =>
  fieldsOf(fieldsOf(template)["spec"])["automountServiceAccountToken"] !== false

/**
 * The asks about a template that replaces another one. `name` is the workload, for the message.
 *
 * Use it wherever a plan writes an earlier pod template: that it was in force before does not make it safe, because a
 * person may have locked it down.
 */
export const isolationAsks = (name: string, from: unknown, to: unknown): ReadonlyArray<Ask> => {
  const now = grantsOf(from)
  const added = grantsOf(to).filter(
    ({ field, grants }) => !now.some((each) => each.field === field && each.grants === grants)
  )
  const token =
    getsToken(to) && !getsToken(from) ? [{ field: "spec.automountServiceAccountToken", grants: "true" }] : []
  return [...added, ...token].map(({ field, grants }) =>
    ask(
      "weakens-isolation",
      `The earlier pod template of ${name} has ${grants} in ${field}, which the present one has not, so it needs an approval.`,
      { field, grants }
    )
  )
}
