/**
 * The service makes only requests that its role grants: those of `kubernetes/Permissions`, and in mode `observe` only
 * those of that mode. A request outside of the table would be forbidden on every cluster that has the shipped role.
 */

import { permissionText } from "../../kubernetes/AccessRules.ts"
import { allPermissions, recordPermissions, observePermissions } from "../../kubernetes/Permissions.ts"
import { type Operation, permissionOf } from "../../kubernetes/Sandbox.ts"
import type { Invariant } from "./Invariant.ts"

/** What the role `kubernaut-changes` grants besides, where changes are recorded. */
const recorded = recordPermissions.map(permissionText)
const all = (records: boolean) => new Set([...allPermissions.map(permissionText), ...(records ? recorded : [])])
const observing = (records: boolean) =>
  new Set([...observePermissions.map(permissionText), ...(records ? recorded : [])])

export const leastPrivilege: Invariant = {
  name: "least-privilege",
  description:
    "Every request to the cluster is granted by the role that the service ships, in mode observe by the one that only reads.",
  make: ({ scenario }, report) => {
    const records = scenario.service.changes !== undefined
    const granted = { observe: observing(records), act: all(records) }
    /** The processes in mode observe. */
    const observers = new Set<number>()
    const reported = new Set<string>()
    return {
      on: {
        ProcessBooted: ({ mode, number }) => {
          if (mode === "observe") observers.add(number)
        },
        RequestBegan: ({ request: { process, work } }) => {
          const [kind = ""] = work.about.split(" ")
          const permission = permissionOf({ verb: work.verb as Operation["verb"], kind })
          if (permission === undefined) return
          const text = permissionText(permission)
          const role = observers.has(process) ? "kubernaut-observe" : "kubernaut-act"
          if ((role === "kubernaut-observe" ? granted.observe : granted.act).has(text) || reported.has(text + role))
            return
          reported.add(text + role)
          report(`the service asks to ${text}, which the role ${role} does not grant`)
        }
      }
    }
  }
}
