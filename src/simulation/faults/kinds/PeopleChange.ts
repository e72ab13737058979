/**
 * People and controllers change objects that workloads depend on: for worse, and pods can no longer be created; for
 * better; what matters to nobody; several objects at once; and a second time, before or while the service takes the
 * first change back.
 */

import { Effect, Result, Schema } from "effect"
import type { Change } from "../../../domain/Change.ts"
import type { Cluster } from "../../farEnds/Cluster.ts"
import { quota, roomy, settings } from "../../farEnds/SharedObjects.ts"
import { kind, type Reach } from "../FaultKind.ts"

const set = (ref: Change["ref"], path: string, value: string): Change => ({
  _tag: "Patch",
  ref,
  patch: [{ op: "add", path, value }]
})

const hardPods = (cluster: Cluster): string | undefined =>
  Result.match(cluster.read(quota), {
    onFailure: () => undefined,
    onSuccess: (object) => (object["spec"] as { readonly hard?: { readonly pods?: string } } | undefined)?.hard?.pods
  })

/** Does nothing where the quota has been deleted. */
const setPods = (cluster: Cluster, pods: string): void => {
  if (hardPods(cluster) !== undefined) cluster.write(set(quota, "/spec/hard/pods", pods))
}

/** As long as a rule waits before its alert fires. */
const firesAfterMs = 20_000

/** The quota has no room for another pod, and a pod of a workload is gone: the alert about it fires. */
const tighten = ({ farEnds: { alertmanager, cluster }, world }: Reach, index: number): void => {
  const ref = cluster.workloads.filter(({ namespace }) => namespace === quota.namespace)[index]
  if (ref === undefined || !cluster.isHealthy(ref)) return
  const pods = cluster.list("Pod").filter(({ metadata }) => metadata.namespace === quota.namespace)
  const own = pods.find(({ metadata }) => metadata.labels?.["app"] === ref.name)
  if (own === undefined) return
  setPods(cluster, String(Math.max(1, pods.length - 1)))
  cluster.write({
    _tag: "Delete",
    ref: { namespace: quota.namespace, kind: "Pod", name: own.metadata.name },
    uid: own.metadata.uid
  })
  world.at(world.nowMs + firesAfterMs, () => {
    if (!cluster.isHealthy(ref)) alertmanager.alarm(ref)
  })
}

export const peopleChange = kind({
  name: "people-change-objects",
  target: "changes",
  description:
    "People change the quota and the settings of a namespace, and some of them again while the service acts.",
  parameters: Schema.Struct({
    /** Which workload loses a pod. */
    workload: Schema.Int,
    /** After how long somebody changes something else; never if 0. */
    elseAfterMs: Schema.Int,
    /** Somebody raises the quota just before the service writes to it. */
    races: Schema.Boolean
  }),
  lasts: [60_000, 600_000],
  gapMs: [120_000, 1_200_000],
  draw: (random) => ({
    workload: random.below(8),
    elseAfterMs: random.chance(0.6) ? random.between(1_000, 60_000) : 0,
    races: random.chance(0.3)
  }),
  apply: ({ elseAfterMs, races, workload }, reach, random) => {
    const { farEnds, world } = reach
    const { cluster } = farEnds
    let active = true
    tighten(reach, workload)
    if (elseAfterMs > 0)
      world.at(world.nowMs + elseAfterMs, () => {
        if (!active) return
        if (Result.isSuccess(cluster.read(settings)))
          cluster.write(set(settings, "/data/timeout", `${random.between(1, 60)}s`))
        if (hardPods(cluster) !== undefined)
          cluster.write(set(quota, "/spec/hard/services", String(random.between(50, 99))))
      })
    let raced = false
    const heal = cluster.disturb((request, server) =>
      Effect.suspend(() => {
        if (races && !raced && !request.dryRun && request.change !== undefined && request.kind === quota.kind) {
          raced = true
          setPods(cluster, String(random.between(300, 400)))
        }
        return server
      })
    )
    return () => {
      active = false
      heal()
      if (hardPods(cluster) !== roomy) setPods(cluster, roomy)
    }
  }
})
