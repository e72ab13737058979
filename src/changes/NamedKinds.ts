/**
 * Kinds that matter to a target only by their name: an object of them can be the cause of an alert only where something
 * in the graph of the target names it. Pure.
 *
 * The service may be without the right to watch Secrets, and is as shipped. That they were not watched then says
 * nothing about a target that uses none. What is watched, as the workloads are, has its earlier states in the graph, so
 * a name that was removed counts too.
 *
 * The same is true of a single object of which not all changes are kept: it matters where it is in the graph.
 */

import type { WatchGap } from "../domain/ObjectChange.ts"
import { type ResourceRef, sameRef } from "../domain/Target.ts"
import { isBuiltIn } from "./DependencyGraph.ts"

const named: ReadonlySet<string> = new Set(["ConfigMap", "Secret"])

/** Objects of these kinds name Secrets and ConfigMaps in ways that the graph does not follow. */
const unfollowed: ReadonlySet<string> = new Set([
  "Gateway",
  "PersistentVolumeClaim",
  "PersistentVolume",
  "StorageClass"
])

/** Alerts about these are about everything that is in a namespace, or about no object. */
const ofEverything: ReadonlySet<string> = new Set(["Alert", "Namespace", "ResourceQuota"])

const isAboutOne = (starts: ReadonlyArray<ResourceRef>): boolean =>
  starts.length > 0 && !starts.some(({ kind }) => ofEverything.has(kind))

/** A kind that RBAC hides stays hidden. Other gaps end, and are rare. */
const isOfNamed = ({ kind, reason }: WatchGap): boolean => named.has(kind) && reason === "forbidden"

/** Whether the graph of the target can show that none of these gaps matters. */
export const canBeLeftToTheGraph = (gaps: ReadonlyArray<WatchGap>, starts: ReadonlyArray<ResourceRef>): boolean =>
  gaps.length > 0 && isAboutOne(starts) && gaps.every(isOfNamed)

/** The gaps that matter, given all objects of the graph. */
export const withinReach = (
  gaps: ReadonlyArray<WatchGap>,
  starts: ReadonlyArray<ResourceRef>,
  nodes: ReadonlyArray<{ readonly ref: ResourceRef }>
): ReadonlyArray<WatchGap> => {
  const kinds = new Set(nodes.map(({ ref }) => ref.kind))
  const isFollowed = isAboutOne(starts) && [...kinds].every((kind) => isBuiltIn(kind) && !unfollowed.has(kind))
  const isThere = ({ object }: WatchGap) => object === undefined || nodes.some(({ ref }) => sameRef(ref, object))
  return gaps.filter((gap) => isThere(gap) && (!isFollowed || !isOfNamed(gap) || kinds.has(gap.kind)))
}
