/**
 * States that exist between two reads of the service, so that it never sees them: somebody rolls out another version
 * and takes it back, or a workload's pods are replaced.
 */

import { Effect, Result, Schema } from "effect"
import type { ResourceRef } from "../../../domain/Target.ts"
import type { Cluster } from "../../farEnds/Cluster.ts"
import { deletePods } from "../../farEnds/PodDeletion.ts"
import { hasTemplate } from "../../farEnds/WorkloadObjects.ts"
import { kind } from "../FaultKind.ts"

const template = "/spec/template"

/** Writes another template, and the one before again. The spec is as it was; the version and the generation are not. */
const changeAndBack = (cluster: Cluster, ref: ResourceRef, release: string): void => {
  const object = cluster.read(ref)
  if (Result.isFailure(object)) return
  const before = (object.success["spec"] as { readonly template: { readonly metadata?: object } }).template
  const other = { ...before, metadata: { ...before.metadata, annotations: { "example.com/tried": release } } }
  for (const value of [other, before])
    cluster.write({ _tag: "Patch", ref, patch: [{ op: "replace", path: template, value: value as never }] })
}

/** Deletes the pods of a workload, for which its controller creates others. */
const replacePods = (cluster: Cluster, ref: ResourceRef): void =>
  deletePods(
    cluster,
    ref,
    cluster.revisionsOf(ref).flatMap(({ pods }) => pods)
  )

export const kubernetesUnseenChange = kind({
  name: "kubernetes-unseen-change",
  target: "cluster",
  description: "Between two reads somebody changes an object and changes it back, or pods come and go.",
  parameters: Schema.Struct({
    /** Of the reads of workloads, from 0 to 1. */
    share: Schema.Finite,
    how: Schema.Literals(["back", "pods"])
  }),
  lasts: [10_000, 300_000],
  draw: (random) => ({ share: random.magnitude(0.02, 0.5), how: random.pick(["back", "pods"] as const) }),
  apply: ({ how, share }, { farEnds: { cluster }, world }, random) => {
    let active = true
    const heal = cluster.disturb((request, server) => {
      if (request.verb !== "get" || !hasTemplate(request)) return server
      const ref = { namespace: request.namespace, kind: request.kind, name: request.name }
      return Effect.tap(server, () =>
        Effect.sync(() => {
          if (!random.chance(share)) return
          // Just after the read, so that the next one is later.
          world.at(world.nowMs + 1, () => {
            if (!active) return
            if (how === "back") changeAndBack(cluster, ref, random.hex(8))
            else replacePods(cluster, ref)
          })
        })
      )
    })
    return () => {
      active = false
      heal()
    }
  }
})
