import { assert, describe, it } from "@effect/vitest"
import { durationMs, durationsOf } from "../../src/changes/AlertDurations.ts"
import { firstSymptom } from "../../src/changes/FirstSymptom.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { alert, at, broken, minutes, pod, startsMs, state } from "./scenes.ts"

const nowMs = startsMs + 5000
const secondsOf = (millis: number): number => (millis - startsMs) / 1000

const withCondition = (kind: string, type: string, status: string, lastTransitionTime: string): KubernetesObject => ({
  apiVersion: "v1",
  kind,
  metadata: { name: "checkout", uid: "uid", resourceVersion: "1" },
  status: { conditions: [{ type, status, lastTransitionTime }] }
})

describe("the duration of a rule", () => {
  it("is known for the rules of kube-prometheus, with one per severity", () => {
    assert.deepStrictEqual(durationsOf(alert("KubePodCrashLooping")), [900_000])
    assert.deepStrictEqual(durationsOf(alert("TargetDown")), [600_000])
    assert.deepStrictEqual(durationsOf(alert("KubePersistentVolumeFillingUp")), [60_000, 3_600_000])
    assert.deepStrictEqual(durationsOf(alert("CheckoutErrorsHigh")), [])
  })

  it("is taken from a label or annotation first, at most 24 hours", () => {
    assert.deepStrictEqual(durationsOf(alert("KubePodCrashLooping", { labels: { for: "5m" } })), [300_000])
    assert.deepStrictEqual(durationsOf(alert("Own", { annotations: { for: "1h30m" } })), [5_400_000])
    assert.deepStrictEqual(durationsOf(alert("Own", { labels: { for: "3w" } })), [86_400_000])
    assert.deepStrictEqual(durationsOf(alert("Own", { labels: { for: "everyone" } })), [])
  })

  it("is read as Prometheus writes it", () => {
    assert.strictEqual(durationMs("1d2h3m4s5ms"), 93_784_005)
    assert.strictEqual(durationMs("0"), 0)
    for (const text of ["", "5", "m5", "5 m", "-5m", "5x"]) assert.strictEqual(durationMs(text), undefined)
  })
})

describe("the first symptom", () => {
  it("is the alert's start where nothing else is known", () => {
    const symptom = firstSymptom({ alert: alert("CheckoutErrorsHigh"), observed: null, nowMs })
    assert.strictEqual(symptom.latestMs, startsMs)
    assert.deepStrictEqual(symptom.onsets, [{ atMs: startsMs, belief: 1 }])
    assert.strictEqual(secondsOf(symptom.sinceMs), -6 * 3600)
  })

  it("is earlier by the rule's duration, or is not if the sender did not wait", () => {
    const symptom = firstSymptom({ alert: alert("KubePodNotReady"), observed: null, nowMs })
    assert.strictEqual(symptom.latestMs, startsMs)
    assert.deepStrictEqual(symptom.onsets, [
      { atMs: startsMs - 900_000, belief: 1 },
      { atMs: startsMs, belief: 0.9 }
    ])
  })

  it("is as old as the pods that are not ready, and the pod that the alert names speaks for itself", () => {
    const pods = [broken("a", "CrashLoopBackOff", -minutes(20)), broken("b", "CrashLoopBackOff", -minutes(5)), pod("c")]
    const of = (labels: Record<string, string>) =>
      firstSymptom({ alert: alert("KubePodCrashLooping", { labels }), observed: state({ pods }), nowMs })
    assert.strictEqual(secondsOf(of({}).latestMs), -minutes(5))
    assert.strictEqual(secondsOf(of({}).earliestMs), -minutes(20))
    assert.strictEqual(secondsOf(of({ pod: "a" }).latestMs), -minutes(20))
    assert.include(of({ pod: "a" }).because ?? "", "pod a")
  })

  it("does not depend on one broken pod if the alert is about errors and others serve", () => {
    const pods = [broken("a", "Unschedulable", -minutes(2000)), pod("b")]
    const symptom = firstSymptom({ alert: alert("CheckoutErrorRateHigh"), observed: state({ pods }), nowMs })
    assert.strictEqual(symptom.latestMs, startsMs)
    assert.strictEqual(symptom.earliestMs, startsMs)
    const none = firstSymptom({
      alert: alert("CheckoutErrorRateHigh"),
      observed: state({ pods: [broken("a", "Error", -minutes(3))] }),
      nowMs
    })
    assert.strictEqual(secondsOf(none.latestMs), -minutes(3))
  })

  it("is as old as a condition of the target says, although its pods were replaced since", () => {
    const symptom = firstSymptom({
      alert: alert("KubeDeploymentReplicasMismatch"),
      observed: state({ pods: [broken("a", "Error", -30)] }),
      object: withCondition("Deployment", "Available", "False", at(-minutes(12))),
      nowMs
    })
    assert.strictEqual(secondsOf(symptom.latestMs), -minutes(12))
    const available = firstSymptom({
      alert: alert("KubeDeploymentReplicasMismatch"),
      observed: state(),
      object: withCondition("Deployment", "Available", "True", at(-minutes(500))),
      nowMs
    })
    assert.strictEqual(available.latestMs, startsMs)
  })

  it("is as old as the first event that says that pods cannot be created", () => {
    const event = (reason: string, first: number, last: number): KubernetesObject => ({
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: "e", uid: "e", resourceVersion: "1" },
      reason,
      firstTimestamp: at(first),
      lastTimestamp: at(last)
    })
    const symptom = firstSymptom({
      alert: alert("KubeStatefulSetReplicasMismatch"),
      observed: state({ failedCreate: "exceeded quota", pods: [] }),
      // An earlier reason, which has ended, is another event.
      events: [event("FailedCreate", -minutes(90), -minutes(80)), event("FailedCreate", -minutes(7), -5)],
      nowMs
    })
    assert.strictEqual(secondsOf(symptom.latestMs), -minutes(7))
  })

  it("is never later than now, and the interval before it is at least `for` and an hour and at most 24 hours", () => {
    const ahead = firstSymptom({ alert: alert("Own"), observed: null, nowMs: startsMs - 60_000 })
    assert.strictEqual(ahead.latestMs, startsMs - 60_000)
    for (const duration of ["0", "15m", "4h", "12h", "24h"]) {
      const { latestMs, sinceMs } = firstSymptom({
        alert: alert("Own", { labels: { for: duration } }),
        observed: null,
        nowMs
      })
      const backMs = latestMs - sinceMs
      assert.isAtMost(backMs, 86_400_000)
      assert.isAtLeast(backMs, Math.min(86_400_000, (durationMs(duration) ?? 0) + 3_600_000))
    }
  })

  it("is found although times are damaged", () => {
    const symptom = firstSymptom({
      alert: alert("KubePodNotReady", { startsAt: "yesterday" }),
      observed: state({ pods: [pod("a", { ready: false, readinessSince: "soon" })] }),
      object: {
        apiVersion: "v1",
        kind: "Deployment",
        metadata: { name: "a", uid: "a", resourceVersion: "1" },
        status: { conditions: "none" }
      },
      nowMs
    })
    assert.strictEqual(symptom.latestMs, nowMs)
  })
})
