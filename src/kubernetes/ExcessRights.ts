/** Which granted rights Kubernaut never uses. Pure. */

import type { GrantedRules, Permission, PolicyRule } from "./Access.ts"
import { permissionText } from "./AccessRules.ts"

/** What Kubernetes grants to every identity: `system:basic-user`. */
const ownQuestions = new Set([
  "create selfsubjectaccessreviews.authorization.k8s.io",
  "create selfsubjectrulesreviews.authorization.k8s.io",
  "create selfsubjectreviews.authentication.k8s.io"
])

/** Rights with which an identity can get every other one. They come first. */
const isDangerous = (text: string): boolean =>
  text.includes("*")
  || / (secrets|serviceaccounts\/token|pods\/exec)\b|^(impersonate|bind|escalate) |rbac\.authorization/.test(text)

const textsOf = ({ apiGroups = [], resourceNames = [], resources = [], verbs }: PolicyRule): ReadonlyArray<string> =>
  apiGroups.flatMap((group) =>
    resources.flatMap((resource) =>
      verbs.map(
        (verb) =>
          `${verb} ${resource}${group === "" ? "" : `.${group}`}${resourceNames.length === 0 ? "" : ` ${resourceNames.join(", ")}`}`
      )
    )
  )

/** The granted rights that are not among the needed ones, the dangerous ones first. */
export const excessOf = ({ rules }: GrantedRules, needed: ReadonlyArray<Permission>): ReadonlyArray<string> => {
  const used = new Set([...ownQuestions, ...needed.map(permissionText)])
  const found = [...new Set(rules.flatMap(textsOf))].filter((text) => !used.has(text))
  // A rule for named objects of a needed kind grants nothing more than the needed right.
  const more = found.filter((text) => !needed.some((each) => text.startsWith(`${permissionText(each)} `)))
  return [...more.filter(isDangerous), ...more.filter((text) => !isDangerous(text))]
}

/** Whether the rules grant every request, as `cluster-admin` does. */
export const grantsEverything = ({ rules }: GrantedRules): boolean =>
  rules.some(
    ({ apiGroups = [], resources = [], verbs }) =>
      verbs.includes("*") && apiGroups.includes("*") && resources.includes("*")
  )
