/**
 * Whether Kubernaut has the rights that an action needs, before it is planned or carried out. An action whose result
 * could not be read is not started: nobody would learn whether it helped, and it could not be undone.
 *
 * | rule            | missing is a right                                                                 |
 * | --------------- | ---------------------------------------------------------------------------------- |
 * | `not-permitted` | to read what the plan is made from, or to write what the action or its undo writes |
 * | `cannot-verify` | to read what shows whether the action helped                                       |
 *
 * `kubernetes/Permissions` says what each action needs, and `kubernetes/AccessCheck` who is asked.
 */

import { Effect } from "effect"
import type { Action } from "../domain/Action.ts"
import type { ObjectChange } from "../domain/ObjectChange.ts"
import { displayName, type ResourceRef } from "../domain/Target.ts"
import type { Access } from "../kubernetes/Access.ts"
import type { AccessCheck } from "../kubernetes/AccessCheck.ts"
import { accessText, keyOf } from "../kubernetes/AccessRules.ts"
import type { KubernetesError } from "../kubernetes/KubernetesClient.ts"
import { accessOf, type ActionAccess } from "../kubernetes/Permissions.ts"
import { type PlanRefusal, refuse } from "./Plan.ts"

const named = (accesses: ReadonlyArray<Access>): string => accesses.map(accessText).join(", ")

/** Why the action must not start without these rights; `undefined` if it needs none of them. */
export const refusalOf = (
  action: Action,
  { act, verify }: ActionAccess,
  missing: ReadonlyArray<Access>
): PlanRefusal | undefined => {
  if (missing.length === 0) return undefined
  const what = `${action.type} of ${displayName(action.target)}`
  const denied = new Set(missing.map(keyOf))
  const [toAct, toVerify] = [act, verify].map((accesses) => accesses.filter((access) => denied.has(keyOf(access))))
  if (toAct!.length > 0)
    return refuse(
      "not-permitted",
      `RBAC does not let Kubernaut ${named(toAct!)}, which ${what} needs. Nothing was changed. See deploy/rbac.yaml.`
    )
  return toVerify!.length === 0
    ? undefined
    : refuse(
        "cannot-verify",
        `RBAC does not let Kubernaut ${named(toVerify!)}, so nobody could tell whether ${what} helped. Nothing was changed. See deploy/rbac.yaml.`
      )
}

/** Asks for the rights of an action. `change` is the one that a `RestoreObject` takes back, if it is known. */
export const permitted = (
  check: AccessCheck,
  action: Action,
  target: ResourceRef,
  change?: Pick<ObjectChange, "operation">
): Effect.Effect<PlanRefusal | undefined, KubernetesError> =>
  Effect.suspend(() => {
    const access = accessOf(action, target, change?.operation)
    return Effect.map(check.missing([...access.act, ...access.verify]), (missing) => refusalOf(action, access, missing))
  })
