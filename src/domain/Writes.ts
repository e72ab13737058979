/**
 * What an action writes, in a form that compares between actions: whether it is the same change as an earlier one, and
 * what the object was before and after it.
 */

import { hash } from "node:crypto"
import { Schema } from "effect"
import type { Change, PatchOperation } from "./Change.ts"
import type { Intent } from "./Execution.ts"
import { displayName, sameRef } from "./Target.ts"

/** The writes of one action. */
export const Writes = Schema.Struct({
  /** Equal for two actions that write the same values to the same fields. */
  digest: Schema.String,
  /** The fields, for people, such as `Deployment shop/checkout /spec/replicas`. */
  fields: Schema.Array(Schema.String),
  /** The digest of the spec of the first written object before the action. `null`: not known. */
  before: Schema.NullOr(Schema.String),
  /** And as the action leaves it. */
  after: Schema.NullOr(Schema.String)
})
export type Writes = typeof Writes.Type

/** The time of a restart differs between two restarts, which write the same all the same. */
const restartedAt = /\/kubectl\.kubernetes\.io~1restartedAt$/

/** The operations that say what a patch is for: not the version that it expects, nor who writes. */
const meant = (patch: ReadonlyArray<PatchOperation>): ReadonlyArray<PatchOperation> =>
  patch
    .filter(({ path }) => path !== "/metadata/resourceVersion" && !path.startsWith("/metadata/annotations"))
    .map((operation) => (restartedAt.test(operation.path) ? { op: "remove", path: operation.path } : operation))

type Patch = Extract<Change, { _tag: "Patch" }>

/** What an intent writes; `undefined` if it patches nothing. An evicted or deleted pod is another pod each time. */
export const writesOf = ({ baseline, changes, leaves = [] }: Intent): Writes | undefined => {
  const patches = changes
    .filter((change): change is Patch => change._tag === "Patch")
    .map(({ patch, ref }) => ({ ref, patch: meant(patch) }))
    .filter(({ patch }) => patch.length > 0)
  const [first] = patches
  if (first === undefined) return undefined
  const isTarget = sameRef(first.ref, baseline.ref)
  const autoscaler = first.ref.kind === "HorizontalPodAutoscaler" ? baseline.autoscalerSeen : undefined
  return {
    digest: hash("sha256", JSON.stringify(patches), "hex").slice(0, 32),
    fields: patches.flatMap(({ patch, ref }) => patch.map(({ path }) => `${displayName(ref)} ${path}`)),
    before: (isTarget ? baseline.spec : autoscaler?.spec) ?? null,
    after: leaves.find(({ ref }) => sameRef(ref, first.ref))?.spec ?? null
  }
}
