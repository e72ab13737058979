/** How errors and logs name a request: `patch Deployment shop/checkout`, `list Pod shop`. */

import type { Change } from "../domain/Change.ts"
import { displayName, type ResourceRef } from "../domain/Target.ts"
import type { Access } from "./Access.ts"
import { accessText } from "./AccessRules.ts"

/** A request about one object. */
export const ofObject = (verb: string, ref: ResourceRef): string => `${verb} ${displayName(ref)}`

/** A write. */
export const ofChange = ({ _tag, ref }: Change): string => ofObject(_tag.toLowerCase(), ref)

/** A list or a watch of one kind, in one namespace or in all. */
export const ofKind = (verb: "list" | "watch" | "review", kind: string, namespace: string | undefined): string =>
  `${verb} ${kind} ${namespace ?? ""}`.trimEnd()

/** A question about the own rights. */
export const ofReview = (access: Access): string => `review access to ${accessText(access)}`
