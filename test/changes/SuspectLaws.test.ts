import { assert, describe, it } from "@effect/vitest"
import { firstSymptom } from "../../src/changes/FirstSymptom.ts"
import { type Candidate, findingOf, rank, type Scene, score, similarShare } from "../../src/changes/SuspectScore.ts"
import { symptomsSeen } from "../../src/changes/SymptomKinds.ts"
import type { Alert } from "../../src/domain/Alert.ts"
import type { ObjectChange } from "../../src/domain/ObjectChange.ts"
import type { WorkloadState } from "../../src/domain/WorkloadState.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { alert, broken, container, created, modified, ref, startsMs, state, target } from "./scenes.ts"

const scene = (fired: Alert, observed: WorkloadState | null): Scene => ({
  symptom: firstSymptom({ alert: fired, observed, nowMs: startsMs + 5000 }),
  seen: symptomsSeen(fired, observed)
})

const on = (change: ObjectChange, distance = 0, present?: KubernetesObject | null): Candidate => ({
  change,
  distance,
  relation: "it is the target",
  ...(present === undefined ? {} : { present })
})

const crash = "KubePodCrashLooping"
const errors = "CheckoutErrorRateHigh"
const serving = state()
const crashing = () => state({ pods: [broken("checkout-1", "CrashLoopBackOff", -5)], desiredReplicas: 1 })
const image = (seconds: number) => modified(target, seconds, container("image"))
const replicas = (seconds: number, before: number, after: number) =>
  modified(target, seconds, ["spec", "replicas"], { before, after })
const label = (seconds: number) => modified(target, seconds, ["metadata", "labels", "team"])
const config = (seconds: number) => modified(ref("ConfigMap", "checkout"), seconds, ["data", "PAYMENT_URL"])
const policy = (seconds: number) => created(ref("NetworkPolicy", "deny-all"), seconds)
const quota = (seconds: number, before = "10", after = "1") =>
  modified(ref("ResourceQuota", "all"), seconds, ["spec", "hard", "pods"], { before, after })

describe("the score of a change, as a law,", () => {
  it("calls two suspects similar from 0.8 times the better score on, and names none below 0.3", () => {
    const of = (value: number) => ({ ...score(on(image(-10)), scene(alert(crash), crashing())), score: value })
    assert.strictEqual(similarShare, 0.8)
    assert.strictEqual(findingOf([of(1), of(0.8)]), "several")
    assert.strictEqual(findingOf([of(1), of(0.79)]), "one")
    assert.strictEqual(findingOf([of(0.3)]), "one")
    assert.strictEqual(findingOf([of(0.29), of(0.29)]), undefined)
    assert.strictEqual(findingOf([]), undefined)
  })

  it("lies between 0 and 1 and falls with the time between the change and the symptom", () => {
    const fired = alert(errors)
    const scores = [0, 5, 60, 600, 3600, 20_000, 80_000].map(
      (seconds) => score(on(policy(-seconds), 1), scene(fired, serving)).score
    )
    assert.deepStrictEqual(
      scores,
      scores.toSorted((left, right) => right - left)
    )
    for (const each of scores) assert.isTrue(each >= 0 && each <= 1)
  })

  it("falls with the distance", () => {
    const scores = [0, 1, 2, 3, 4, 9].map(
      (distance) => score(on(image(-10), distance), scene(alert(crash), crashing())).score
    )
    assert.deepStrictEqual(
      scores,
      scores.toSorted((left, right) => right - left)
    )
  })

  it("does not depend on the order of the changes", () => {
    const changes = [on(image(-10)), on(config(-12), 1), on(policy(-40), 1), on(label(-5)), on(quota(-90), 1)]
    const ids = (candidates: ReadonlyArray<Candidate>) =>
      rank(candidates, scene(alert(crash), crashing())).map(({ change }) => change.id)
    for (let turn = 0; turn < changes.length; turn++)
      assert.deepStrictEqual(ids([...changes.slice(turn), ...changes.slice(0, turn)]), ids(changes))
    assert.deepStrictEqual(ids(changes.toReversed()), ids(changes))
  })

  it("is a number for odd changes too", () => {
    const odd: ReadonlyArray<ObjectChange> = [
      modified(ref("ConfigMap", "x"), -5, []),
      modified(target, -5, ["spec", { by: "name", value: "" }], {}),
      modified(ref("Gizmo", "x"), -5, ["spec"], { before: null, after: [null, 1, {}] }),
      { ...image(-5), fields: [], at: "never" },
      replicas(-5, Number.NaN, -1),
      quota(-5, "many", ""),
      modified(ref("Node", "n", ""), -5, ["spec", "taints"], { before: "x", after: { a: 1 } })
    ]
    for (const change of odd) {
      for (const present of [undefined, null, { kind: "ConfigMap", metadata: {} } as unknown as KubernetesObject]) {
        const found = score(on(change, -3, present), scene(alert("X", { startsAt: "now" }), null))
        assert.isTrue(found.score >= 0 && found.score <= 1, JSON.stringify(found))
      }
    }
  })
})
