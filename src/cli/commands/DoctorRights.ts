/**
 * What `kubernaut doctor` says about the own rights: which rule of `deploy/rbac.yaml` is missing for which feature or
 * action that the mode enables, and which granted right is more than needed.
 *
 * Where changes are recorded, it also says of which kinds they are not (`change journal`): that is a warning, because
 * everything else works.
 *
 * The API server is asked for each right of the table (SelfSubjectAccessReview), in all namespaces, and once for all
 * rules in force (SelfSubjectRulesReview). Nothing is read or written for it.
 */

import { Effect, Result } from "effect"
import type { Permission } from "../../kubernetes/Access.ts"
import { inNamespace, permissionText } from "../../kubernetes/AccessRules.ts"
import { parseAll } from "../../kubernetes/CustomKinds.ts"
import { excessOf, grantsEverything } from "../../kubernetes/ExcessRights.ts"
import type { KubernetesClient, KubernetesError, Rights } from "../../kubernetes/KubernetesClient.ts"
import {
  acting,
  allPermissions,
  observePermissions,
  observing,
  recordPermissions,
  recordSecretPermissions,
  type Requirement
} from "../../kubernetes/Permissions.ts"
import type { Settings } from "../settings/Settings.ts"
import { type Finding, ok } from "./Finding.ts"

/** How many rights that are not needed are named. */
const mostNamed = 12

/** `unknown`: the question got no answer. */
type Answers = ReadonlyMap<string, "allowed" | "denied" | "unknown">

const ask = (rights: Rights, permissions: ReadonlyArray<Permission>): Effect.Effect<Answers> =>
  Effect.map(
    Effect.forEach(
      permissions,
      (permission) =>
        Effect.map(Effect.result(rights.may(inNamespace(permission, ""))), (asked) => {
          const answer = Result.isFailure(asked) ? "unknown" : asked.success ? "allowed" : "denied"
          return [permissionText(permission), answer] as const
        }),
      { concurrency: 8 }
    ),
    (answers) => new Map(answers)
  )

/** Each permission with this answer, and what needs it: `patch nodes (CordonNode, DrainNode)`. */
const namedWith = (
  answers: Answers,
  answer: "denied" | "unknown",
  requirements: ReadonlyArray<Requirement>,
  part: "needs" | "cautions"
): ReadonlyArray<string> => {
  const features = new Map<string, Array<string>>()
  for (const requirement of requirements)
    for (const permission of requirement[part]) {
      const text = permissionText(permission)
      if (answers.get(text) === answer) features.set(text, [...(features.get(text) ?? []), requirement.feature])
    }
  return [...features].map(([text, needing]) => `${text} (${needing.join(", ")})`)
}

/** The findings about requirements that are enabled. `answers` may lack permissions that were not asked for. */
export const missingFinding = (check: string, answers: Answers, requirements: ReadonlyArray<Requirement>): Finding => {
  const missing = namedWith(answers, "denied", requirements, "needs")
  const cautions = namedWith(answers, "denied", requirements, "cautions")
  const unknown = [
    ...namedWith(answers, "unknown", requirements, "needs"),
    ...namedWith(answers, "unknown", requirements, "cautions")
  ]
  const parts = [
    ...(missing.length === 0 ? [] : [`not allowed in all namespaces: ${missing.join(", ")}; see deploy/rbac.yaml`]),
    ...(cautions.length === 0
      ? []
      : [`not allowed, so these actions ask a person or explain less: ${cautions.join(", ")}`]),
    ...(unknown.length === 0 ? [] : [`not known, because the question got no answer: ${unknown.join(", ")}`])
  ]
  return parts.length === 0
    ? ok(check, "allowed")
    : { check, result: missing.length > 0 ? "failed" : "warning", message: parts.join(". ") }
}

const excessFinding = Effect.fnUntraced(function* (rights: Rights, needed: ReadonlyArray<Permission>) {
  const check = "cluster rights"
  const granted = yield* Effect.result(rights.rules("default"))
  if (Result.isFailure(granted))
    return {
      check,
      result: "warning",
      message: `it is not known whether more is granted than needed (${granted.failure.reason._tag})`
    } satisfies Finding
  if (grantsEverything(granted.success))
    return {
      check,
      result: "warning",
      message:
        "more than needed: every verb on every resource, as cluster-admin. Bind the roles of deploy/rbac.yaml instead"
    } satisfies Finding
  const excess = excessOf(granted.success, needed)
  const more = excess.length > mostNamed ? ` and ${excess.length - mostNamed} more` : ""
  const hidden = granted.success.incomplete ? "; another authorizer than RBAC may grant more" : ""
  return excess.length === 0
    ? ok(check, `no more than needed${hidden}`)
    : ({
        check,
        result: "warning",
        message: `more than needed: ${excess.slice(0, mostNamed).join(", ")}${more}${hidden}`
      } satisfies Finding)
})

interface CustomKinds {
  /** Those that cannot be listed, with the reason. */
  readonly unreadable: ReadonlyArray<string>
  /** Those that the cluster does not have: nothing of them can change. */
  readonly absent: ReadonlyArray<string>
}

const readCustomKinds = (
  client: KubernetesClient["Service"],
  kinds: ReadonlyArray<string>
): Effect.Effect<CustomKinds> =>
  Effect.map(
    Effect.forEach(parseAll(kinds), ({ kind }) =>
      Effect.map(Effect.result(client.list(kind, { limit: 1 })), (listed) => ({
        kind,
        reason: Result.isSuccess(listed) ? undefined : listed.failure.reason._tag
      }))
    ),
    (listed) => ({
      unreadable: listed.flatMap(({ kind, reason }) =>
        reason === undefined || reason === "NotFound" ? [] : [`${kind} (${reason})`]
      ),
      absent: listed.flatMap(({ kind, reason }) => (reason === "NotFound" ? [kind] : []))
    })
  )

const journalFinding = (answers: Answers, { absent, unreadable }: CustomKinds): Finding => {
  const check = "change journal"
  const lacking = (permissions: ReadonlyArray<Permission>) =>
    permissions.filter((each) => answers.get(permissionText(each)) === "denied")
  const missing = lacking(recordPermissions).map(permissionText)
  const unknown = recordPermissions.filter((each) => answers.get(permissionText(each)) === "unknown")
  const others = absent.length === 0 ? "" : `; the cluster does not have these kinds: ${absent.join(", ")}`
  const secrets =
    lacking(recordSecretPermissions).length === 0
      ? ""
      : "; which keys of Secrets change is unknown without the optional ClusterRole kubernaut-changes-secrets"
  const parts = [
    ...(missing.length === 0
      ? []
      : [
          `not allowed in all namespaces: ${missing.join(", ")}; changes of these kinds are unknown until the ClusterRole kubernaut-changes of deploy/rbac.yaml is bound`
        ]),
    ...(unreadable.length === 0 ? [] : [`custom kinds that cannot be listed: ${unreadable.join(", ")}`]),
    ...(unknown.length === 0 ? [] : ["which kinds may be watched is not known, because the question got no answer"])
  ]
  return parts.length === 0
    ? ok(check, `changes of all kinds may be watched${others}${secrets}`)
    : { check, result: "warning", message: `${parts.join(". ")}${others}${secrets}` }
}

/** Checks the rights of the service in its mode. */
export const rightsFindings = Effect.fnUntraced(function* (
  {
    changes,
    changesKinds = [],
    cluster,
    mode
  }: Pick<Settings, "cluster" | "mode"> & Partial<Pick<Settings, "changes" | "changesKinds">>,
  client: KubernetesClient["Service"]
): Effect.fn.Return<ReadonlyArray<Finding>, KubernetesError> {
  const { rights } = client
  if (rights === undefined) return []
  const writes = mode !== "observe"
  const always = writes ? allPermissions : observePermissions
  const records = changes === "on"
  const forChanges = records ? [...recordPermissions, ...recordSecretPermissions] : []
  const needed = [...new Map([...always, ...forChanges].map((each) => [permissionText(each), each])).values()]
  const answers = yield* ask(rights, needed)
  return [
    missingFinding("cluster reads", answers, observing),
    writes
      ? missingFinding("cluster writes", answers, acting)
      : ok("cluster writes", "not needed: nothing is written in mode observe"),
    // The sandbox has no roles to bind.
    ...(cluster === "sandbox" ? [] : [yield* excessFinding(rights, needed)]),
    ...(records ? [journalFinding(answers, yield* readCustomKinds(client, changesKinds))] : [])
  ]
})
