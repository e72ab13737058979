/** Laws of plans: the inverse of a plan leaves exactly the object that was there before, whatever its fields are. */

import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { type Action, kindsOf } from "../../src/domain/Action.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { sameJson } from "../../src/kubernetes/SameJson.ts"
import {
  autoscaler,
  controllerRevision,
  cronJob,
  daemonSet,
  deployment,
  node,
  patched,
  pod,
  replicaSet,
  service,
  statefulSet,
  unsigned
} from "./objects.ts"
import { cordon, on, patchHpa, planOf, quarantine, rollback, scale, suspend, uncordon } from "./plans.ts"

const Key = Schema.Literals(["app", "tier", "a/b", "c~d", "track"])
const Labels = Schema.Record(Key, Schema.Literals(["", "x", "y"]))
const Metadata = Schema.Struct({
  labels: Schema.optionalKey(Labels),
  annotations: Schema.optionalKey(Labels)
})
const Container = Schema.Struct({
  name: Schema.Literals(["app", "proxy"]),
  image: Schema.Literals(["a:1", "a:2"]),
  env: Schema.optionalKey(
    Schema.Array(Schema.Struct({ name: Schema.Literals(["A", "B"]), value: Schema.Literals(["1", ""]) }))
  ),
  args: Schema.optionalKey(Schema.Array(Schema.Literals(["--x", "--y"])))
})
const Template = Schema.Struct({
  metadata: Schema.optionalKey(Metadata),
  spec: Schema.Struct({
    containers: Schema.Array(Container),
    volumes: Schema.optionalKey(Schema.Array(Schema.Struct({ name: Schema.Literals(["v", "w"]) })))
  })
})
const Count = Schema.Literals([1, 2, 3, 5, 8])

/** Whether a plan that writes is taken back exactly by its inverse. A plan that refuses or writes nothing is none. */
const isTakenBack = (action: Action, subject: KubernetesObject, related: ReadonlyArray<KubernetesObject>): boolean => {
  const result = planOf(action, subject, related)
  if (result._tag === "PlanRefusal") return true
  const [change] = result.changes
  if (change?._tag !== "Patch") return result.changes.length === 0
  if (result.inverse._tag !== "Exact" && result.inverse._tag !== "Partial") return false
  const after = patched(subject, change)
  const restored = patched(after, result.inverse.changes[0])
  return !sameJson(unsigned(after), unsigned(subject)) && sameJson(unsigned(restored), unsigned(subject))
}

const workloads = {
  Deployment: deployment,
  StatefulSet: statefulSet,
  DaemonSet: daemonSet
} as const

const runs = { arbitrary: { runs: 200 } }

describe("the inverse leaves what was there before", () => {
  for (const kind of ["Deployment", "StatefulSet", "DaemonSet"] as const) {
    it.prop(
      `of a rollback of a ${kind} from any template to any other`,
      [Template, Template],
      ([present, earlier]) => {
        const subject = workloads[kind]({ template: present })
        const kept =
          kind === "Deployment"
            ? replicaSet(2)
            : {
                ...controllerRevision(subject, 1, "any"),
                data: { spec: { template: { ...earlier, $patch: "replace" } } }
              }
        const history =
          kind === "Deployment" ? { ...kept, spec: { ...(kept["spec"] as object), template: earlier } } : kept
        return isTakenBack(rollback(undefined, on(kind, subject.metadata.name)), subject, [history as KubernetesObject])
      },
      runs
    )
  }

  it.prop(
    "of a scale, also from an absent count",
    [Schema.Union([Count, Schema.Undefined]), Count],
    ([from, to]) =>
      isTakenBack(scale(to), deployment({ replicas: from }), [])
      && isTakenBack(scale(to, on("StatefulSet", "db")), statefulSet({ replicas: from }), []),
    runs
  )

  it.prop(
    "of bounds of an autoscaler, also absent ones",
    [Schema.Union([Count, Schema.Undefined]), Count, Schema.Union([Count, Schema.Undefined]), Count],
    ([fromMinimum, fromMaximum, minimum, maximum]) =>
      isTakenBack(
        patchHpa({ maxReplicas: maximum, ...(minimum === undefined ? {} : { minReplicas: minimum }) }),
        autoscaler({ maxReplicas: fromMaximum, ...(fromMinimum === undefined ? {} : { minReplicas: fromMinimum }) }),
        []
      ),
    runs
  )

  it.prop(
    "of the labels of a quarantined pod, whatever selects it",
    [Labels, Labels, Labels],
    ([labels, selected, served]) => {
      const set = replicaSet(3)
      const owner = { ...set, spec: { ...(set["spec"] as object), selector: { matchLabels: selected } } }
      return isTakenBack(quarantine, pod("p1", { labels }), [owner as KubernetesObject, service("web", served)])
    },
    runs
  )

  const flags = [true, false, undefined] as const
  it.each(flags)("of a cordon, an uncordon and a suspension that was %s before", (flag) => {
    const cordoned = node(flag === undefined ? {} : { unschedulable: flag })
    assert.isTrue(isTakenBack(cordon, cordoned, []))
    assert.isTrue(isTakenBack(uncordon, cordoned, []))
    assert.isTrue(isTakenBack(suspend, cronJob(flag), []))
  })
})

describe("an action", () => {
  const subjects: Readonly<Record<string, KubernetesObject>> = {
    Deployment: deployment(),
    StatefulSet: statefulSet(),
    DaemonSet: daemonSet(),
    HorizontalPodAutoscaler: autoscaler(),
    Pod: pod("p1"),
    Node: node(),
    CronJob: cronJob(),
    Service: service("web", {})
  }
  const examples: ReadonlyArray<Action> = [
    { type: "RestartWorkload", target: on("Deployment", "checkout") },
    scale(5),
    rollback(),
    { type: "AdjustResources", target: on("Deployment", "checkout"), container: "app", limits: { memory: "512Mi" } },
    patchHpa({ maxReplicas: 8 }),
    { type: "EvictPod", target: on("Pod", "p1") },
    quarantine,
    cordon,
    uncordon,
    { type: "DrainNode", target: on("Node", "node-1", "") },
    suspend
  ]
  const pairs = examples.flatMap((action) =>
    Object.entries(subjects).map(([kind, subject]) => [action.type, kind, action, subject] as const)
  )

  it.each(pairs)(
    "%s of a %s is planned exactly where the catalog says that it applies",
    (type, kind, action, subject) => {
      const target = on(kind, subject.metadata.name, subject.metadata.namespace ?? "")
      const result = planOf({ ...action, target }, subject, [])
      const isWrongKind = result._tag === "PlanRefusal" && result.rule === "wrong-kind"
      assert.strictEqual(isWrongKind, !(kindsOf[type]?.includes(kind) ?? true))
    }
  )
})
