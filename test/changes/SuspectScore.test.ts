import { assert, describe, it } from "@effect/vitest"
import { firstSymptom } from "../../src/changes/FirstSymptom.ts"
import { type Candidate, findingOf, rank, type Scene, suspectScore } from "../../src/changes/SuspectScore.ts"
import { symptomsSeen } from "../../src/changes/SymptomKinds.ts"
import type { Alert } from "../../src/domain/Alert.ts"
import type { ObjectChange } from "../../src/domain/ObjectChange.ts"
import type { WorkloadState } from "../../src/domain/WorkloadState.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import {
  alert,
  at,
  broken,
  container,
  controller,
  created,
  deleted,
  gitops,
  minutes,
  modified,
  own,
  pod,
  ref,
  startsMs,
  state,
  target,
  template
} from "./scenes.ts"

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

const crashing = (since = -5) =>
  state({ pods: [broken("checkout-1", "CrashLoopBackOff", since)], desiredReplicas: 1, readyReplicas: 0 })
const pending = (since = -5) =>
  state({ pods: [broken("checkout-1", "Unschedulable", since)], desiredReplicas: 1, readyReplicas: 0 })
const absent = state({ desiredReplicas: 0, pods: [], readyReplicas: 0, endpoints: 0 })
const refused = state({ pods: [], failedCreate: "exceeded quota: all" })
const serving = state()

const image = (seconds: number, rest: Partial<ObjectChange> = {}) =>
  modified(target, seconds, container("image"), { before: "app:1", after: "app:2" }, rest)
const replicas = (seconds: number, before: number, after: number, rest: Partial<ObjectChange> = {}) =>
  modified(target, seconds, ["spec", "replicas"], { before, after }, rest)
const label = (seconds: number) => modified(target, seconds, ["metadata", "labels", "team"])
const config = (seconds: number) => modified(ref("ConfigMap", "checkout"), seconds, ["data", "PAYMENT_URL"])
const selector = (seconds: number) => modified(ref("Service", "checkout"), seconds, ["spec", "selector", "app"])
const policy = (seconds: number) => created(ref("NetworkPolicy", "deny-all"), seconds)
const quota = (seconds: number, before = "10", after = "1") =>
  modified(ref("ResourceQuota", "all"), seconds, ["spec", "hard", "pods"], { before, after })
const minimum = (seconds: number, before: number, after: number) =>
  modified(ref("HorizontalPodAutoscaler", "checkout"), seconds, ["spec", "minReplicas"], { before, after })
const cordon = (seconds: number, after: boolean) =>
  modified(ref("Node", "node-1", ""), seconds, ["spec", "unschedulable"], after ? { after: true } : { before: true })

interface Row {
  readonly name: string
  readonly alert: Alert
  readonly observed: WorkloadState | null
  readonly changes: ReadonlyArray<Candidate>
  /** The indexes of the changes that are suspects, the best first. */
  readonly suspects: ReadonlyArray<number>
  readonly finding: ReturnType<typeof findingOf>
}

const row = (
  name: string,
  fired: string | Alert,
  observed: WorkloadState | null,
  changes: ReadonlyArray<Candidate>,
  suspects: ReadonlyArray<number>,
  finding: Row["finding"]
): Row => ({ name, alert: typeof fired === "string" ? alert(fired) : fired, observed, changes, suspects, finding })

const crash = "KubePodCrashLooping"
const mismatch = "KubeDeploymentReplicasMismatch"
const errors = "CheckoutErrorRateHigh"

const rows: ReadonlyArray<Row> = [
  row("an image that crashes is the one suspect", crash, crashing(), [on(image(-10))], [0], "one"),
  row("a label that changed seconds before is none", crash, crashing(), [on(image(-30)), on(label(-6))], [0], "one"),
  row(
    "an annotation of the template is none",
    crash,
    crashing(),
    [on(modified(target, -6, template("metadata", "annotations", "note")))],
    [],
    undefined
  ),
  row("a change after the first symptom is none", crash, crashing(-60), [on(image(-20))], [], undefined),
  row(
    "a change after the alert is none, although nothing else changed",
    errors,
    serving,
    [on(policy(10), 1)],
    [],
    undefined
  ),
  row("a change two seconds after counts, because clocks differ", errors, serving, [on(policy(2), 1)], [0], "one"),
  row(
    "a change just before the rule began to wait is not outdone by a label change seconds before the alert",
    crash,
    null,
    [on(image(-minutes(15) - 20)), on(label(-5))],
    [0],
    "one"
  ),
  row(
    "pods that fail for longer than a change clear it, and leave the one before them",
    crash,
    crashing(-minutes(15)),
    [on(image(-minutes(15) - 10)), on(config(-20), 1)],
    [0],
    "one"
  ),
  row(
    "a change within the time of the rule is a suspect, because senders do not always wait",
    mismatch,
    absent,
    [on(replicas(-8, 2, 0))],
    [0],
    "one"
  ),
  row(
    "a rollout by GitOps is a suspect like any other",
    crash,
    crashing(),
    [on(image(-10, { by: gitops }))],
    [0],
    "one"
  ),
  row("our own change is none", crash, crashing(), [on(image(-10, { by: own }))], [], undefined),
  row(
    "a controller that scales up is none",
    errors,
    serving,
    [on(replicas(-20, 2, 4, { by: controller }))],
    [],
    undefined
  ),
  row(
    "scaled to zero by a person is the one suspect",
    mismatch,
    absent,
    [on(replicas(-40, 3, 0)), on(label(-5))],
    [0],
    "one"
  ),
  row(
    "more replicas are none when containers crash",
    crash,
    crashing(),
    [on(replicas(-10, 2, 4)), on(image(-60))],
    [1],
    "one"
  ),
  row(
    "a selector that matches nothing explains pods that nobody reaches",
    errors,
    state({ endpoints: 0 }),
    [on(selector(-15), 1), on(label(-5))],
    [0],
    "one"
  ),
  row(
    "a deleted Service explains errors without pod symptoms",
    errors,
    serving,
    [on(deleted(ref("Service", "checkout"), -15), 1)],
    [0],
    "one"
  ),
  row("a new deny-all policy explains errors", errors, serving, [on(policy(-15), 1)], [0], "one"),
  row("a lowered quota explains refused pods", mismatch, refused, [on(quota(-15), 1)], [0], "one"),
  row("a raised quota explains nothing", mismatch, refused, [on(quota(-15, "1", "10"), 1)], [], undefined),
  row("a lowered minimum explains errors", errors, serving, [on(minimum(-15, 5, 2), 1)], [0], "one"),
  row("a raised minimum explains nothing", errors, serving, [on(minimum(-15, 2, 5), 1)], [], undefined),
  row("a cordon explains a pending pod", "KubePodNotReady", pending(), [on(cordon(-15, true), 1)], [0], "one"),
  row("an uncordon explains nothing", "KubePodNotReady", pending(), [on(cordon(-15, false), 1)], [], undefined),
  row(
    "a node selector that no node has explains a pending pod, and its autoscaler explains it less",
    "KubePodNotReady",
    pending(),
    [
      on(modified(target, -20, template("spec", "nodeSelector", "disk"), { after: "nvme" })),
      on(modified(ref("HorizontalPodAutoscaler", "checkout"), -6, ["spec", "maxReplicas"], { before: 10, after: 2 }), 1)
    ],
    [0, 1],
    "one"
  ),
  row(
    "an image and its ConfigMap at the same time are two suspects",
    crash,
    crashing(),
    [on(image(-10)), on(config(-12), 1)],
    [0, 1],
    "several"
  ),
  row(
    "a lowered maximum explains an autoscaler at its maximum",
    "KubeHpaMaxedOut",
    serving,
    [
      on(
        modified(ref("HorizontalPodAutoscaler", "checkout"), -30, ["spec", "maxReplicas"], { before: 10, after: 2 }),
        1
      )
    ],
    [0],
    "one"
  ),
  row(
    "a raised maximum does not",
    "KubeHpaMaxedOut",
    serving,
    [
      on(
        modified(ref("HorizontalPodAutoscaler", "checkout"), -30, ["spec", "maxReplicas"], { before: 2, after: 10 }),
        1
      )
    ],
    [],
    undefined
  ),
  row(
    "a binding that is gone explains forbidden requests",
    "CheckoutForbidden",
    serving,
    [on(deleted(ref("RoleBinding", "checkout"), -30), 2)],
    [0],
    "one"
  ),
  row(
    "a webhook explains refused pods",
    mismatch,
    refused,
    [on(created(ref("ValidatingWebhookConfiguration", "policy", ""), -30), 1)],
    [0],
    "one"
  ),
  row(
    "a change that somebody took back is none",
    crash,
    crashing(),
    [
      on(image(-60), 0, {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "checkout", uid: "u", resourceVersion: "1" },
        spec: { template: { spec: { containers: [{ name: "app", image: "app:1" }] } } }
      })
    ],
    [],
    undefined
  ),
  row(
    "a change of hours ago is less than one of a minute ago",
    errors,
    serving,
    [on(policy(-minutes(90)), 1), on(selector(-60), 1)],
    [1, 0],
    "one"
  ),
  row(
    "a change in a gap that began before the symptom is a suspect",
    errors,
    serving,
    [on({ ...policy(60), notBefore: at(-60) }, 1)],
    [0],
    "one"
  ),
  row("an image is no suspect of an alert whose pods are all well", crash, serving, [on(image(-10))], [], undefined),
  row(
    "an image is one of pods that are ready between two crashes",
    crash,
    state({ pods: [pod("checkout-1", { restarts: 4, readinessSince: at(-30) }), pod("checkout-2")] }),
    [on(image(-60))],
    [0],
    "one"
  ),
  row(
    "the creation of the target is none, and neither is that of its Service",
    errors,
    serving,
    [on(created(target, -60)), on(created(ref("Service", "checkout"), -59), 1), on(image(-10))],
    [2],
    "one"
  ),
  row(
    "a storage class explains a pending claim",
    "KubePersistentVolumeErrors",
    null,
    [on(deleted(ref("StorageClass", "fast", ""), -30), 2)],
    [0],
    "one"
  ),
  row(
    "a suspended CronJob explains that it does not run",
    "CronJobNotRun",
    null,
    [on(modified(ref("CronJob", "report"), -30, ["spec", "suspend"], { after: true }))],
    [0],
    "one"
  ),
  row(
    "a policy outranks an image that is older by an hour, when pods are well",
    errors,
    serving,
    [on(image(-minutes(60))), on(policy(-20), 1)],
    [1, 0],
    "one"
  ),
  row(
    "two changes of similar age that explain errors are two",
    errors,
    serving,
    [on(selector(-20), 1), on(policy(-60), 1)],
    [0, 1],
    "several"
  ),
  row(
    "a volume of a container explains a container that cannot start",
    crash,
    crashing(),
    [on(modified(target, -10, template("spec", "volumes", { by: "name", value: "config" }, "configMap", "name")))],
    [0],
    "one"
  ),
  row(
    "a DNS policy explains errors",
    errors,
    serving,
    [on(modified(target, -10, template("spec", "dnsPolicy"), { before: "ClusterFirst", after: "Default" }))],
    [0],
    "one"
  )
]

describe("the score of a change", () => {
  for (const { alert: fired, changes, finding, name, observed, suspects } of rows)
    it(`ranks: ${name}`, () => {
      const ranked = rank(changes, scene(fired, observed))
      const found = ranked.filter((suspect) => suspect.score >= suspectScore)
      assert.deepStrictEqual(
        found.map(({ change }) => changes.findIndex((each) => each.change.id === change.id)),
        suspects,
        JSON.stringify(ranked.map((each) => [each.change.ref.kind, each.score, each.reasons]))
      )
      assert.strictEqual(findingOf(ranked), finding)
    })

  it("has rows for at least thirty situations", () => assert.isAtLeast(rows.length, 30))
})
