import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import type { Action } from "../../src/domain/Action.ts"
import type { Change } from "../../src/domain/Change.ts"
import type { WorkloadState } from "../../src/domain/WorkloadState.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { type Evidence, judge } from "../../src/verification/Judge.ts"
import { changeStands } from "../../src/verification/Purpose.ts"
import type { ReasonWord } from "../../src/verification/Sample.ts"
import { bare, evidence, healthy, intent, object, patchOf, pod, restart, seen, steady } from "./evidence.ts"

/** `keep watching`, or the verdict with the words of its reasons. */
const said = (given: Evidence): string => {
  const judgement = judge(given)
  return judgement._tag === "KeepWatching"
    ? "keep watching"
    : [judgement.verdict, ...judgement.reasons.map((reason) => reason.split(":")[0] ?? "")].join(" ")
}

const on = (kind: string) => ({ namespace: kind === "Node" ? "" : "shop", kind, name: "it" })

describe("a target is fixed", () => {
  it("when it has been healthy for the whole stabilisation window", () => {
    assert.strictEqual(said(evidence(steady(0, 10))), "fixed settled")
  })

  it("and not a moment earlier", () => {
    assert.strictEqual(said(evidence([...steady(0, 8), seen(9.999)])), "keep watching")
  })

  it("with its figures as the reason", () => {
    const judgement = judge(evidence(steady(0, 10)))
    assert.deepStrictEqual(judgement._tag === "Verdict" ? judgement.reasons : [], [
      "settled: 3 of 3 ready, 3 endpoints, steady for 10 s"
    ])
  })

  it("with a word about the alert where Alertmanager has said that it is over", () => {
    assert.strictEqual(said(evidence(steady(0, 10), { alert: "resolved" })), "fixed settled alert-resolved")
  })

  it("although a read failed in between", () => {
    assert.strictEqual(said(evidence([...steady(0, 4), seen(6, null), ...steady(8, 10)])), "fixed settled")
  })

  it("with fewer endpoints than before where fewer replicas are wanted", () => {
    const samples = steady(
      0,
      10,
      healthy({ desiredReplicas: 2, readyReplicas: 2, updatedReplicas: 2, availableReplicas: 2, endpoints: 2 })
    )
    assert.strictEqual(
      said(evidence(samples, { intent: intent({ baseline: healthy({ endpoints: 3 }) }) })),
      "fixed settled"
    )
  })

  it("with one endpoint of three pods where there was one before: a Service may select the leader only", () => {
    assert.strictEqual(said(evidence(steady(0, 10, healthy({ endpoints: 1 })))), "fixed settled")
  })
})

describe("its Service's endpoints", () => {
  it("must be as many as before acting", () => {
    const before = intent({ baseline: healthy({ endpoints: 3 }) })
    assert.strictEqual(
      said(evidence(steady(280, 300, healthy({ endpoints: 2 })), { intent: before })),
      "not-fixed endpoints-missing"
    )
  })

  it("do not matter where no Service selects its pods", () => {
    assert.strictEqual(said(evidence(steady(0, 10, healthy({ endpoints: null })))), "fixed settled")
  })
})

/** One thing is wrong with an otherwise healthy target. */
const faults: ReadonlyArray<
  readonly [claim: string, word: ReasonWord, state: Partial<WorkloadState>, atDeadline: "not-fixed" | "unknown"]
> = [
  ["a replica is not ready", "not-ready", { readyReplicas: 2 }, "not-fixed"],
  ["nothing is said of ready replicas", "not-ready", { readyReplicas: null }, "not-fixed"],
  ["a replica is of the old template", "not-updated", { updatedReplicas: 2 }, "not-fixed"],
  ["a replica is not available", "not-available", { availableReplicas: 2 }, "not-fixed"],
  ["its Service has no endpoint", "endpoints-missing", { endpoints: 0 }, "not-fixed"],
  ["its controller has not seen the newest spec", "not-observed", { observedGeneration: 3 }, "unknown"]
]

describe("a target with a fault that may heal", () => {
  it.each(faults)("is watched up to the deadline: %s", (_claim, _word, state) => {
    assert.strictEqual(said(evidence(steady(0, 298, healthy(state)))), "keep watching")
  })

  it.each(faults)("then has a verdict by that: %s (%s)", (_claim, word, state, verdict) => {
    const expected = verdict === "unknown" ? `unknown ${word} not-settled` : `not-fixed ${word}`
    assert.strictEqual(said(evidence(steady(280, 300, healthy(state)))), expected)
  })

  it.each(faults)("is fixed once it has healed and stayed so: %s", (_claim, _word, state) => {
    assert.strictEqual(said(evidence([...steady(0, 20, healthy(state)), ...steady(22, 30)])), "keep watching")
    assert.strictEqual(said(evidence([...steady(0, 20, healthy(state)), ...steady(22, 32)])), "fixed settled")
  })

  it.each(faults)("begins its steady time anew after a relapse: %s", (_claim, _word, state) => {
    assert.strictEqual(said(evidence([...steady(0, 8), seen(9, healthy(state)), ...steady(10, 18)])), "keep watching")
  })
})

const lasting: ReadonlyArray<readonly [claim: string, word: ReasonWord, state: WorkloadState]> = [
  ["it was deleted", "target-gone", healthy({ exists: false, desiredReplicas: null, readyReplicas: null })],
  [
    "it was scaled to nothing",
    "scaled-to-nothing",
    healthy({ desiredReplicas: 0, readyReplicas: 0, updatedReplicas: 0, availableReplicas: 0, endpoints: 0 })
  ],
  [
    "its rollout was given up",
    "progress-deadline",
    healthy({
      updatedReplicas: 3,
      conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" }]
    })
  ]
]

describe("a target with a fault that does not heal", () => {
  it.each(lasting)("is not fixed, long before the deadline: %s (%s)", (_claim, word, state) => {
    assert.strictEqual(said(evidence(steady(0, 10, state))), `not-fixed ${word}`)
  })

  it.each(lasting)(
    "is watched for as long as a healthy one, as it may be a passing sight: %s",
    (_claim, _word, state) => {
      assert.strictEqual(said(evidence(steady(0, 8, state))), "keep watching")
      assert.strictEqual(said(evidence([...steady(0, 8, state), ...steady(10, 20)])), "fixed settled")
    }
  )

  it("is not held to a rollout that was given up before the controller saw the new one", () => {
    const stale = healthy({
      observedGeneration: 3,
      conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" }]
    })
    assert.strictEqual(said(evidence(steady(0, 60, stale))), "keep watching")
  })
})

describe("restarts", () => {
  const crashed = (restarts: number) => healthy({ pods: [pod("a", { restarts }), pod("b"), pod("c")] })

  it("begin the steady time anew, though every sample is healthy", () => {
    const samples = [...steady(0, 8, crashed(4)), ...steady(10, 18, crashed(5))]
    assert.strictEqual(said(evidence(samples)), "keep watching")
    assert.strictEqual(said(evidence([...samples, seen(20, crashed(5))])), "fixed settled")
  })

  it("of before do not count", () => {
    assert.strictEqual(said(evidence(steady(0, 10, crashed(40)))), "fixed settled")
  })

  it("of a pod that took another's place count from zero", () => {
    const replaced = healthy({ pods: [pod("d", { restarts: 1 }), pod("b"), pod("c")] })
    assert.strictEqual(said(evidence([...steady(0, 8, crashed(1)), ...steady(10, 16, replaced)])), "keep watching")
  })

  it("that go on until the deadline are not fixed", () => {
    const samples = [...steady(280, 298, crashed(4)), seen(300, crashed(5))]
    assert.strictEqual(said(evidence(samples)), "not-fixed restarting")
  })
})

describe("the deadline", () => {
  it("is unknown for a target that became healthy a moment ago", () => {
    assert.strictEqual(
      said(evidence([...steady(280, 296, healthy({ readyReplicas: 2 })), ...steady(298, 300)])),
      "unknown not-settled"
    )
  })

  it("is unknown where the cluster can't be read, whatever was seen before", () => {
    assert.strictEqual(said(evidence([...steady(280, 298), seen(300, null)])), "unknown unreadable")
    assert.strictEqual(said(evidence([seen(300, null)])), "unknown unreadable")
  })

  it("is waited for while the cluster can't be read", () => {
    assert.strictEqual(said(evidence([...steady(0, 20), seen(22, null)])), "keep watching")
  })
})

describe("an alert that still fires", () => {
  it("keeps a settled target from being fixed, and at its own deadline makes it not fixed", () => {
    assert.strictEqual(said(evidence(steady(0, 20), { alert: "firing" })), "keep watching")
    assert.strictEqual(said(evidence(steady(580, 598), { alert: "firing" })), "keep watching")
    assert.strictEqual(said(evidence(steady(580, 600), { alert: "firing" })), "not-fixed alert-firing settled")
  })

  it("does not make a target healthy by having ended", () => {
    assert.strictEqual(
      said(evidence(steady(280, 300, healthy({ readyReplicas: 2 })), { alert: "resolved" })),
      "not-fixed not-ready"
    )
  })
})

interface Purpose {
  readonly claim: string
  readonly action: Action
  readonly change: Change | undefined
  readonly written: KubernetesObject | undefined
  readonly state: WorkloadState
  readonly expected: string
  readonly remaining?: ReadonlyArray<string>
}

const scaler = (max: number, status: object) =>
  object("HorizontalPodAutoscaler", { spec: { maxReplicas: max }, status })
const limited = (status: string, reason: string) => [{ type: "ScalingLimited", status, reason }]
const hpa: Action = { type: "PatchHpa", target: on("HorizontalPodAutoscaler"), maxReplicas: 8 }
const hpaPatch = patchOf("HorizontalPodAutoscaler", ["/spec/maxReplicas", 8])
const cordon: Action = { type: "CordonNode", target: on("Node") }
const cordonPatch = patchOf("Node", ["/spec/unschedulable", true])
const drain: Action = { type: "DrainNode", target: on("Node") }
const expand: Action = { type: "ExpandVolume", target: on("PersistentVolumeClaim"), size: "20Gi" }
const expandPatch = patchOf("PersistentVolumeClaim", ["/spec/resources/requests/storage", "20Gi"])
const claim = (storage: string, capacity: string) =>
  object("PersistentVolumeClaim", {
    spec: { resources: { requests: { storage } } },
    status: { capacity: { storage: capacity } }
  })
const suspend: Action = { type: "SuspendCronJob", target: on("CronJob") }
const suspendPatch = patchOf("CronJob", ["/spec/suspend", true])
const evict: Action = { type: "EvictPod", target: on("Pod") }
const eviction: Change = { _tag: "Evict", ref: on("Pod"), uid: "z" }

const purposes: ReadonlyArray<Purpose> = [
  {
    claim: "an autoscaler with room again",
    action: hpa,
    change: hpaPatch,
    written: scaler(8, { currentReplicas: 6, desiredReplicas: 6, conditions: limited("False", "DesiredWithinRange") }),
    state: healthy(),
    expected: "fixed settled"
  },
  {
    claim: "one that wants more than its new maximum",
    action: hpa,
    change: hpaPatch,
    written: scaler(8, { currentReplicas: 8, desiredReplicas: 8, conditions: limited("True", "TooManyReplicas") }),
    state: healthy(),
    expected: "not-fixed still-at-maximum"
  },
  {
    claim: "one that needs exactly its maximum",
    action: hpa,
    change: hpaPatch,
    written: scaler(8, { currentReplicas: 8, desiredReplicas: 8, conditions: limited("False", "DesiredWithinRange") }),
    state: healthy(),
    expected: "fixed settled"
  },
  {
    claim: "one at its maximum that says no more than that",
    action: hpa,
    change: hpaPatch,
    written: scaler(8, { currentReplicas: 8, desiredReplicas: 8 }),
    state: healthy(),
    expected: "not-fixed still-at-maximum"
  },
  {
    claim: "one whose replicas are not made yet",
    action: hpa,
    change: hpaPatch,
    written: scaler(8, { currentReplicas: 5, desiredReplicas: 7 }),
    state: healthy(),
    expected: "not-fixed not-ready"
  },
  {
    claim: "one that says nothing",
    action: hpa,
    change: hpaPatch,
    written: scaler(8, {}),
    state: healthy(),
    expected: "unknown not-observed not-settled"
  },
  {
    claim: "an autoscaler that somebody put back",
    action: hpa,
    change: hpaPatch,
    written: scaler(5, { currentReplicas: 5, desiredReplicas: 5, conditions: limited("False", "x") }),
    state: healthy(),
    expected: "not-fixed reverted"
  },
  {
    claim: "an autoscaler that was deleted",
    action: hpa,
    change: hpaPatch,
    written: undefined,
    state: healthy(),
    expected: "not-fixed reverted"
  },
  {
    claim: "a cordoned node that is ready",
    action: cordon,
    change: cordonPatch,
    written: object("Node", { spec: { unschedulable: true } }),
    state: bare("Node"),
    expected: "fixed settled"
  },
  {
    claim: "a cordoned node that is not ready",
    action: cordon,
    change: cordonPatch,
    written: object("Node", { spec: { unschedulable: true } }),
    state: bare("Node", { conditions: [{ type: "Ready", status: "Unknown", reason: "NodeStatusUnknown" }] }),
    expected: "not-fixed node-not-ready"
  },
  {
    claim: "a node of which nobody says whether it is ready",
    action: cordon,
    change: cordonPatch,
    written: object("Node", { spec: { unschedulable: true } }),
    state: bare("Node", { conditions: [] }),
    expected: "not-fixed node-not-ready"
  },
  {
    claim: "a node that somebody uncordoned",
    action: cordon,
    change: cordonPatch,
    written: object("Node", { spec: {} }),
    state: bare("Node"),
    expected: "not-fixed reverted"
  },
  {
    claim: "a drained node, whose pods may be anywhere",
    action: drain,
    change: cordonPatch,
    written: object("Node", { spec: { unschedulable: true } }),
    state: bare("Node"),
    expected: "unknown owners-unverified"
  },
  {
    claim: "a node with pods left on it",
    action: drain,
    change: cordonPatch,
    written: object("Node", { spec: { unschedulable: true } }),
    state: bare("Node"),
    remaining: ["p1"],
    expected: "not-fixed pods-remain"
  },
  {
    claim: "a volume that has grown",
    action: expand,
    change: expandPatch,
    written: claim("20Gi", "20Gi"),
    state: bare("PersistentVolumeClaim"),
    expected: "fixed settled"
  },
  {
    claim: "a volume that has not",
    action: expand,
    change: expandPatch,
    written: claim("20Gi", "10Gi"),
    state: bare("PersistentVolumeClaim"),
    expected: "not-fixed resize-pending"
  },
  {
    claim: "a suspended CronJob",
    action: suspend,
    change: suspendPatch,
    written: object("CronJob", { spec: { suspend: true } }),
    state: bare("CronJob"),
    expected: "fixed settled"
  },
  {
    claim: "a CronJob that goes on",
    action: suspend,
    change: suspendPatch,
    written: object("CronJob", { spec: { suspend: false } }),
    state: bare("CronJob"),
    expected: "not-fixed reverted"
  },
  {
    claim: "an evicted pod's replacement",
    action: evict,
    change: eviction,
    written: undefined,
    state: healthy(),
    expected: "fixed settled"
  },
  {
    claim: "a pod that is still there",
    action: evict,
    change: eviction,
    written: undefined,
    state: healthy({ pods: [pod("z"), pod("b"), pod("c")] }),
    expected: "not-fixed pod-remains"
  },
  {
    claim: "a Job's pod, whose numbers are of work and not of service",
    action: evict,
    change: eviction,
    written: undefined,
    state: healthy({ ref: on("Job"), desiredReplicas: 1, readyReplicas: 1, endpoints: null }),
    expected: "unknown nothing-to-tell-by not-settled"
  },
  {
    claim: "a restart of something without replicas",
    action: restart,
    change: undefined,
    written: undefined,
    state: bare("CronJob"),
    expected: "unknown nothing-to-tell-by not-settled"
  }
]

describe("what the action was for", () => {
  it.each(purposes)("$claim: $expected", ({ action, change, expected, remaining = [], state, written }) => {
    const samples = steady(280, 300, state, { written: change?._tag === "Patch" ? [written] : [], remaining })
    assert.strictEqual(
      said(
        evidence(samples, {
          intent: intent({ action, changes: change === undefined ? [] : [change], baseline: state })
        })
      ),
      expected
    )
  })

  it("a drain is fixed once the alert is over", () => {
    const samples = steady(0, 10, bare("Node"), { written: [object("Node", { spec: { unschedulable: true } })] })
    assert.strictEqual(
      said(evidence(samples, { alert: "resolved", intent: intent({ action: drain, changes: [cordonPatch] }) })),
      "fixed settled alert-resolved"
    )
  })

  it.each(["CollectDiagnostics", "Notify"] as const)("%s fixes nothing, however healthy the target is", (type) => {
    const action: Action =
      type === "Notify" ? { type, target: on("Deployment"), reason: "why" } : { type, target: on("Deployment") }
    assert.strictEqual(said(evidence(steady(0, 10), { intent: intent({ action }) })), "unknown changes-nothing")
  })
})

describe("changeStands", () => {
  const stands = (change: Change, written: KubernetesObject | undefined, action: Action = cordon) =>
    change._tag === "Patch" && changeStands(action, change, written)

  it("takes a quantity in other words for the same", () => {
    const change = patchOf("Deployment", ["/spec/memory", "1024Mi"])
    assert.isTrue(stands(change, object("Deployment", { spec: { memory: "1Gi" } })))
    assert.isFalse(stands(change, object("Deployment", { spec: { memory: "1023Mi" } })))
  })

  it("lets the server add what it likes to what was written", () => {
    const change: Change = {
      _tag: "Patch",
      ref: on("Deployment"),
      patch: [{ op: "replace", path: "/spec/template", value: { spec: { containers: [{ name: "app" }] } } }]
    }
    assert.isTrue(
      stands(
        change,
        object("Deployment", {
          spec: {
            template: {
              metadata: {},
              spec: {
                dnsPolicy: "ClusterFirst",
                containers: [{ name: "app", imagePullPolicy: "Always" }, { name: "injected" }]
              }
            }
          }
        })
      )
    )
    assert.isFalse(
      stands(change, object("Deployment", { spec: { template: { spec: { containers: [{ name: "other" }] } } } }))
    )
  })

  it("takes a null that the server leaves out for the same", () => {
    const change: Change = {
      _tag: "Patch",
      ref: on("Deployment"),
      patch: [{ op: "replace", path: "/spec/template", value: { metadata: { creationTimestamp: null } } }]
    }
    assert.isTrue(stands(change, object("Deployment", { spec: { template: { metadata: {} } } })))
    assert.isFalse(
      stands(
        change,
        object("Deployment", { spec: { template: { metadata: { creationTimestamp: "2027-01-15T08:00:00Z" } } } })
      )
    )
  })

  it("wants a removed field to stay away", () => {
    const change: Change = {
      _tag: "Patch",
      ref: on("Pod"),
      patch: [{ op: "remove", path: "/metadata/labels/app.kubernetes.io~1name" }]
    }
    const labelled = object("Pod", {})
    assert.isTrue(stands(change, labelled))
    assert.isFalse(
      stands(change, { ...labelled, metadata: { ...labelled.metadata, labels: { "app.kubernetes.io/name": "web" } } })
    )
  })

  it("takes another restart after ours for as good as ours", () => {
    const change = patchOf("Deployment", [
      "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt",
      "2027-01-15T08:00:00.000Z"
    ])
    const later = object("Deployment", {
      spec: {
        template: { metadata: { annotations: { "kubectl.kubernetes.io/restartedAt": "2027-01-15T08:05:00.000Z" } } }
      }
    })
    assert.isTrue(stands(change, later, restart))
  })
})

/**
 * What may be wrong at one look; most looks show one thing or nothing, so that every law below is tried on targets that
 * are else healthy.
 */
const wrongs: Readonly<Record<string, Partial<WorkloadState> | null>> = {
  unreadable: null,
  gone: { exists: false },
  unwanted: { desiredReplicas: 0, readyReplicas: 0, updatedReplicas: 0, availableReplicas: 0 },
  uncounted: { desiredReplicas: null, readyReplicas: null, updatedReplicas: null, availableReplicas: null },
  unready: { readyReplicas: 2 },
  silent: { readyReplicas: null },
  outdated: { updatedReplicas: 1 },
  unavailable: { availableReplicas: 0 },
  unserved: { endpoints: 0 },
  unobserved: { observedGeneration: 3 },
  "given up": { conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" }] }
}
const names = Object.keys(wrongs) as [string, ...Array<string>]
const Look = Schema.Struct({
  wrong: Schema.Array(Schema.Literals(names)).check(Schema.isMaxLength(2)),
  restarts: Schema.Literals([0, 1])
})
type Look = typeof Look.Type

const stateOf = ({ restarts, wrong }: Look): WorkloadState | null => {
  if (wrong.includes("unreadable")) return null
  return healthy({
    pods: [pod("a", { restarts })],
    ...(Object.assign({}, ...wrong.map((name) => wrongs[name])) as Partial<WorkloadState>)
  })
}

/** Any looks, and then one that lasts for as long as a healthy target is watched. */
const Run = Schema.Struct({
  looks: Schema.Array(Look).check(Schema.isMaxLength(12)),
  last: Look,
  alert: Schema.Literals(["resolved", "firing", "unknown"]),
  from: Schema.Literals([0, 280, 590])
})
const evidenceOf = ({ alert, from, last, looks }: typeof Run.Type): Evidence =>
  evidence(
    [...looks, ...Array.from({ length: 7 }, () => last)].map((look, index) => seen(from + index * 2, stateOf(look))),
    { alert }
  )

const isFixed = (given: Evidence): boolean => {
  const judgement = judge(given)
  return judgement._tag === "Verdict" && judgement.verdict === "fixed"
}

describe("in any run of samples", () => {
  const runs = { arbitrary: { runs: 500 } }
  for (const name of names) {
    it.prop(
      `a target that is ${name} is never fixed`,
      [Run],
      ([run]) => !isFixed(evidenceOf({ ...run, last: { ...run.last, wrong: [name] } })),
      runs
    )
    it.prop(
      `nor one that is ${name} beside what else is wrong`,
      [Run],
      ([run]) => !isFixed(evidenceOf({ ...run, last: { ...run.last, wrong: [...run.last.wrong, name] } })),
      runs
    )
  }

  it.prop(
    "a target whose alert fires is never fixed",
    [Run],
    ([run]) => !isFixed(evidenceOf({ ...run, alert: "firing" })),
    runs
  )

  it.prop(
    "a target that restarts between its last looks is never fixed",
    [Run],
    ([run]) => {
      const given = evidenceOf({ ...run, last: { wrong: [], restarts: 0 } })
      return !isFixed({
        ...given,
        samples: given.samples.map((sample, index) =>
          index < given.samples.length - 1 ? sample : { ...sample, state: stateOf({ wrong: [], restarts: 1 }) }
        )
      })
    },
    runs
  )

  it.prop(
    "a target that has all it wants for long enough is fixed, whatever came before",
    [Run],
    ([run]) =>
      isFixed(
        evidenceOf({ ...run, last: { wrong: [], restarts: 0 }, alert: run.alert === "firing" ? "unknown" : run.alert })
      ),
    runs
  )

  it.prop(
    "there is a verdict at the deadline",
    [Run],
    ([run]) => {
      const given = evidenceOf({ ...run, from: 590 })
      return judge(given)._tag === "Verdict" || (run.alert === "firing" && given.nowMs - given.startedAtMs < 600_000)
    },
    runs
  )
})
