import { assert, describe, it } from "@effect/vitest"
import { type Candidate, rank, type Scene, suspectScore } from "../../src/changes/SuspectScore.ts"
import { settled, takenBackBy } from "../../src/changes/TakenBack.ts"
import type { FieldPath } from "../../src/domain/FieldPath.ts"
import { object } from "./objects.ts"
import { at, container, created, deleted, modified, own, ref, target, template } from "./scenes.ts"

const annotations = template("metadata", "annotations")
const policy = ref("NetworkPolicy", "deny")
const change = modified(target, -60, ["spec", "replicas"], { before: 3, after: 0 })
const back = modified(target, -40, ["spec", "replicas"], { before: 0, after: 3 }, { by: own, execution: "rem-01-1" })
const candidate: Candidate = { change, distance: 0, relation: "is the target" }

/** Nothing runs since so many seconds after the start of the alert. */
const sceneAt = (seconds: number): Scene => {
  const atMs = Date.parse(at(seconds))
  return {
    symptom: { latestMs: atMs, earliestMs: atMs, onsets: [{ atMs, belief: 1 }], sinceMs: 0 },
    seen: { shown: new Set(["absent"] as const), said: new Set([] as const), healthy: false }
  }
}

describe("a change that Kubernaut has taken back", () => {
  it("is one of which it has written the same fields, or a part of them", () => {
    assert.isDefined(takenBackBy(change, [change, back]))
    const whole = modified(target, -60, ["spec"])
    assert.isDefined(takenBackBy(whole, [whole, modified(target, -40, ["spec", "replicas"], {}, { by: own })]))
  })

  it("is an object that it has removed or created again", () => {
    const added = created(policy, -60)
    assert.isDefined(takenBackBy(added, [added, deleted(policy, -40, { by: own })]))
  })

  it("is none of which somebody else has written the fields, or Kubernaut other ones, or the same ones before", () => {
    assert.isUndefined(takenBackBy(change, [modified(target, -40, ["spec", "replicas"])]))
    assert.isUndefined(takenBackBy(change, [modified(target, -40, ["spec", "paused"], {}, { by: own })]))
    const again = modified(target, -20, ["spec", "replicas"], { before: 3, after: 0 })
    assert.isUndefined(takenBackBy(again, [change, back, again]))
  })

  it("is a release that it has rolled back, but none of which it has written only a part", () => {
    const fields = [
      { path: container("image"), before: "v1", after: "v2" },
      { path: ["spec", "replicas"], before: 5, after: 3 },
      { path: [...annotations, "kubectl.kubernetes.io/restartedAt"], before: "t" }
    ]
    const release = modified(target, -60, ["spec"], {}, { fields })
    const wrote = (path: FieldPath) => takenBackBy(release, [release, modified(target, -40, path, {}, { by: own })])
    assert.isDefined(wrote(container("image")))
    assert.isUndefined(wrote(["spec", "replicas"]))
    assert.isUndefined(wrote([...annotations, "kubectl.kubernetes.io/restartedAt"]))
    assert.isUndefined(wrote(container("resources", "limits", "memory")))
  })

  it("is no suspect any more, so that nothing is undone and made again in turn", () => {
    const scoreOf = (rest: object) => rank([{ ...candidate, ...rest }], sceneAt(0))[0]?.score ?? 0
    assert.isAtLeast(scoreOf({}), suspectScore)
    assert.isBelow(scoreOf({ takenBack: back }), suspectScore)
  })
})

describe("another alert of what a change broke that has been taken back", () => {
  const inForce = { ...candidate, takenBack: back }
  const gone = { ...inForce, present: { ...object("Deployment", "checkout", { spec: { replicas: 3 } }) } }

  it("names the change, and the remediation that took it back", () => {
    const [found] = settled([gone], sceneAt(0))
    assert.deepStrictEqual([found?.change.id, found?.at, found?.remediation], [change.id, back.at, "rem-01"])
    const byRollback = { ...back, execution: "rem-01-2-rollback-1" }
    assert.strictEqual(settled([{ ...gone, takenBack: byRollback }], sceneAt(0))[0]?.remediation, "rem-01")
  })

  it("names none if the change is in force again, or would be no suspect", () => {
    const again = { ...inForce, present: { ...object("Deployment", "checkout", { spec: { replicas: 0 } }) } }
    assert.deepStrictEqual(settled([again], sceneAt(0)), [])
    const label = modified(target, -60, ["metadata", "labels", "team"])
    assert.deepStrictEqual(settled([{ ...gone, change: label }], sceneAt(0)), [])
  })

  it("names none that may only lead to what is broken, such as the cordon of a node", () => {
    const node = ref("Node", "node-1", "")
    const cordon = modified(node, -60, ["spec", "unschedulable"], { after: true })
    const uncordon = modified(node, -40, ["spec", "unschedulable"], { before: true }, { by: own })
    const present = object("Node", "node-1", { spec: {} })
    const scene: Scene = { ...sceneAt(0), seen: { shown: new Set(), said: new Set(["errors"]), healthy: false } }
    const of = { change: cordon, distance: 1, relation: "could run on", takenBack: uncordon, present }
    assert.deepStrictEqual(settled([of], scene), [])
  })

  it("names none if the symptom began long after that: something else is the cause", () => {
    assert.lengthOf(settled([gone], sceneAt(240)), 1)
    assert.deepStrictEqual(settled([gone], sceneAt(600)), [])
  })
})
