/** Which pods show that two policies or disruption budgets are about the same ones, and that they are apart. */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { effortOf } from "../../src/execution/actions/Effort.ts"
import { selectedPods } from "../../src/execution/actions/SelectedPods.ts"
import { readRestored } from "../../src/execution/RestorationObjects.ts"
import { type KubernetesObject, KubernetesError } from "../../src/kubernetes/KubernetesClient.ts"
import type { Kind } from "../../src/kubernetes/ObjectModel.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { deployment, template } from "./objects.ts"
import { accepted, changeId, made, podOf, recorded, rulesOf } from "./restoring.ts"

/** Changes are recorded at 10:00 on 24 November. */
const [longAgo, lately] = ["2026-10-01T00:00:00Z", "2026-11-24T09:50:00Z"]

const policy = (name: string, podSelector: object, ingress: ReadonlyArray<object>, creationTimestamp: string) =>
  made(
    "NetworkPolicy",
    { spec: { podSelector, policyTypes: ["Ingress"], ingress } },
    { name, uid: `uid-${name}`, creationTimestamp }
  )
const budgetBy = (name: string, selector: object) =>
  made("PodDisruptionBudget", { spec: { minAvailable: 1, ...selector } }, { name, uid: `uid-${name}` })
const budget = (name: string, matchLabels: object) => budgetBy(name, { selector: { matchLabels } })
const from = (app: string) => [{ from: [{ podSelector: { matchLabels: { app } } }] }]

const wide = policy("wide", { matchLabels: { team: "data" } }, [{}], longAgo)
const narrow = policy("narrow", { matchLabels: { stage: "etl" } }, from("scheduler"), lately)
const [ours, theirs] = [budget("ours", { team: "data" }), budget("theirs", { stage: "etl" })]

const workload = (name: string, labels: object) =>
  deployment({ template: template(`${name}:1`, {}, { app: name, ...labels }) }, { name, uid: `uid-${name}` })
const cronJob = (name: string, labels: object) =>
  made(
    "CronJob",
    { spec: { jobTemplate: { spec: { template: { metadata: { labels }, spec: { containers: [] } } } } } },
    { name, uid: `uid-${name}` }
  )
const queued = (labels: object, rest: object = {}, metadata: object = {}) =>
  made(
    "Job",
    { spec: { suspend: true, template: { metadata: { labels }, spec: { containers: [] } } }, ...rest },
    { name: "queued", uid: "uid-queued", ...metadata }
  )
const [notebook, legacy] = [workload("notebook", { team: "data" }), workload("legacy", { stage: "etl" })]

const ended =
  (phase: string) =>
  (pod: KubernetesObject): KubernetesObject => ({ ...pod, status: { phase } })
const deleted = (pod: KubernetesObject): KubernetesObject => ({
  ...pod,
  metadata: { ...pod.metadata, deletionTimestamp: lately }
})
const gone = [ended("Succeeded"), ended("Failed"), deleted]
const ofBoth = podOf("run", { team: "data", stage: "etl" })

const again = (object: KubernetesObject, related: ReadonlyArray<KubernetesObject>, unread: ReadonlyArray<Kind> = []) =>
  rulesOf(recorded(object, undefined), undefined, { related, unread })
const asksOf = (...given: Parameters<typeof accepted>) => accepted(...given).asks

describe("a deleted policy asks beside a narrower one", () => {
  it("where only pods are selected by one of them each: the next run may have the labels of both", () => {
    const each = [podOf("one", { team: "data" }), podOf("other", { stage: "etl" })]
    assert.deepStrictEqual(again(wide, [narrow]), ["opens-network"])
    assert.deepStrictEqual(again(wide, [narrow, ...each]), ["opens-network"])
    assert.deepStrictEqual(again(wide, [narrow, notebook, each[1]!]), ["opens-network"])
    for (const past of gone) assert.deepStrictEqual(again(wide, [narrow, ...each.map(past)]), ["opens-network"])
  })

  it("where peers of both are shown by pods alone", () => {
    const open = policy("open", { matchLabels: { stage: "etl" } }, from("web"), longAgo)
    const peers = policy("peers", { matchLabels: { stage: "etl" } }, [], lately)
    const other = {
      ...peers,
      spec: { ...(peers["spec"] as object), ingress: [{ from: [{ podSelector: { matchLabels: { tier: "front" } } }] }] }
    }
    const workloads = [workload("web", {}), workload("front", { tier: "front" })]
    assert.deepStrictEqual(again(open, [other, ...workloads]), [])
    assert.deepStrictEqual(again(open, [other, podOf("a", { app: "web" }), podOf("b", { tier: "front" })]), [
      "opens-network"
    ])
  })

  it("where a CronJob is all that one of them selects: what else has its labels may come at night", () => {
    const backup = cronJob("backup", { team: "data" })
    assert.deepStrictEqual(again(wide, [narrow, backup, legacy]), ["opens-network"])
    assert.deepStrictEqual(again(wide, [narrow, notebook, cronJob("job", { stage: "etl" })]), ["opens-network"])
    for (const past of gone)
      assert.deepStrictEqual(again(wide, [narrow, backup, legacy, past(ofBoth)]), ["opens-network"])
  })

  it("unless workloads of each are apart, and no CronJob or pod is of both, not even one that has ended", () => {
    assert.deepStrictEqual(again(wide, [narrow, notebook, legacy]), [])
    const others = [cronJob("job", { stage: "etl" }), podOf("one", { team: "data" }), podOf("other", { stage: "etl" })]
    assert.deepStrictEqual(again(wide, [narrow, notebook, legacy, ...others]), [])
    const job = cronJob("job", { team: "data", stage: "etl" })
    for (const each of [job, deleted(job), ofBoth, ...gone.map((past) => past(ofBoth))])
      assert.deepStrictEqual(again(wide, [narrow, notebook, legacy, each]), ["opens-network"])
  })

  it("where a Job that has not begun is of both, and not where one has ended, or is of one of them", () => {
    const both = { team: "data", stage: "etl" }
    const around = [narrow, notebook, legacy]
    assert.deepStrictEqual(again(wide, [...around, queued(both)]), ["opens-network"])
    assert.deepStrictEqual(again(wide, [...around, queued(both, {}, { deletionTimestamp: lately })]), ["opens-network"])
    assert.deepStrictEqual(again(wide, [...around, queued({ team: "data" })]), [])
    assert.deepStrictEqual(again(wide, [narrow, notebook, queued({ stage: "etl" })]), ["opens-network"])
    const withStatus = (type: string, status: string) => queued(both, { status: { conditions: [{ type, status }] } })
    for (const type of ["Complete", "Failed"])
      assert.deepStrictEqual(again(wide, [...around, withStatus(type, "True")]), [])
    assert.deepStrictEqual(again(wide, [...around, withStatus("Suspended", "True")]), ["opens-network"])
  })

  it("and says that both are about the same pods only where that is shown", () => {
    const saidOf = (other: KubernetesObject, related: ReadonlyArray<KubernetesObject>) => {
      const [asked] = asksOf(recorded(wide, undefined), undefined, { related: [other, ...related] })
      return /That one (.*) about the same pods/.exec(asked?.message ?? "")?.[1]
    }
    assert.strictEqual(saidOf(narrow, []), "may be")
    assert.strictEqual(saidOf(narrow, [legacy, podOf("one", { team: "data" })]), "may be")
    for (const past of gone) assert.strictEqual(saidOf(narrow, [notebook, legacy, past(ofBoth)]), "may be")
    const job = cronJob("job", { team: "data", stage: "etl" })
    for (const each of [ofBoth, job, workload("both", { team: "data", stage: "etl" })])
      assert.strictEqual(saidOf(narrow, [each]), "is")
    const selectors = [{}, { matchLabels: { team: "data" } }, { matchLabels: { team: "data", stage: "etl" } }]
    for (const each of selectors) assert.strictEqual(saidOf(policy("b", each, from("web"), lately), []), "is")
  })
})

describe("a deleted disruption budget", () => {
  it("asks beside another one for a live pod of both, and for none that has ended or is being deleted", () => {
    assert.deepStrictEqual(again(ours, [theirs, notebook, legacy]), [])
    assert.deepStrictEqual(again(ours, [theirs, notebook, legacy, ofBoth]), ["replaced"])
    for (const past of gone) assert.deepStrictEqual(again(ours, [theirs, notebook, legacy, past(ofBoth)]), [])
    assert.deepStrictEqual(again(ours, [theirs, cronJob("job", { team: "data", stage: "etl" })]), ["replaced"])
    assert.deepStrictEqual(again(ours, [theirs, queued({ team: "data", stage: "etl" })]), ["replaced"])
  })

  it("does not ask beside one without a selector, which is about no pods, and an empty selector is about all", () => {
    const beside = (one: object, other: object, unread: ReadonlyArray<Kind>) =>
      again(budgetBy("one", one), [budgetBy("other", other), notebook], unread)
    const ofTeam = { selector: { matchLabels: { team: "data" } } }
    for (const unread of [[], ["Pod"], ["CronJob"], ["DaemonSet"]] as ReadonlyArray<ReadonlyArray<Kind>>) {
      assert.deepStrictEqual(beside(ofTeam, {}, unread), [])
      assert.deepStrictEqual(beside({}, ofTeam, unread), [])
      assert.deepStrictEqual(beside({}, {}, unread), [])
      assert.deepStrictEqual(beside(ofTeam, { selector: {} }, unread), ["replaced"])
    }
    assert.deepStrictEqual(again(ours, [budgetBy("other", { selector: {} })], ["Pod"]), ["unread"])
  })
})

describe("pods, CronJobs and workloads that cannot be read", () => {
  const kinds: ReadonlyArray<Kind> = ["Pod", "CronJob", "Job", "DaemonSet"]

  it("are no reason to ask where no other object of the kind may be about the same pods", () => {
    const old = policy("old", { matchLabels: { stage: "etl" } }, from("scheduler"), "2026-01-01T00:00:00Z")
    for (const kind of kinds) {
      assert.deepStrictEqual(again(wide, [], [kind]), [])
      assert.deepStrictEqual(again(wide, [old], [kind]), [])
      assert.deepStrictEqual(again(ours, [], [kind]), [])
      assert.deepStrictEqual(again(ours, [budget("web", { team: "web" })], [kind]), [])
    }
  })

  it("are one where another may be, and the other policies or budgets themselves always are", () => {
    for (const kind of kinds) {
      assert.deepStrictEqual(again(wide, [narrow, notebook, legacy], [kind]), ["unread"])
      assert.deepStrictEqual(again(ours, [theirs, notebook, legacy], [kind]), ["unread"])
    }
    assert.deepStrictEqual(again(wide, [], ["NetworkPolicy" as Kind]), ["unread"])
    assert.deepStrictEqual(again(ours, [], ["PodDisruptionBudget"]), ["unread"])
  })

  it("are not said to be forbidden, because their list may just have failed", () => {
    const [first] = asksOf(recorded(ours, undefined), undefined, { related: [theirs], unread: ["Pod"] })
    assert.include(first?.message ?? "", "Kubernaut could not read Pod objects")
  })

  it("are all that an undo of a policy asks about where the rest shows that another one is of other pods", () => {
    const [related, unread] = [
      [narrow, notebook, legacy],
      ["Pod", "CronJob"]
    ] as const
    const tight = policy("wide", { matchLabels: { team: "data" } }, from("web"), longAgo)
    const unknown = (kind: string) =>
      `Kubernaut could not read ${kind} objects, so what they say about whether another NetworkPolicy has to do with the pods of NetworkPolicy shop/wide is unknown.`
    const saidOf = (now: KubernetesObject | undefined, missing: ReadonlyArray<Kind>) =>
      asksOf(recorded(wide, now), now, { related, unread: missing }).map(({ message }) => message)
    assert.sameMembers(saidOf(undefined, unread), unread.map(unknown))
    assert.lengthOf(saidOf(tight, []), 1)
    assert.sameMembers(saidOf(tight, unread), [...saidOf(tight, []), ...unread.map(unknown)])
  })

  it("are no reason to ask beside a policy that restricts other traffic, whatever pods there are", () => {
    const egress = { ...narrow, spec: { podSelector: { matchLabels: { stage: "etl" } }, policyTypes: ["Egress"] } }
    for (const kind of kinds) assert.deepStrictEqual(again(wide, [egress, notebook, legacy], [kind]), [])
  })

  it("are told beside a policy that says the same, because one more may say less", () => {
    const same = policy("same", { matchLabels: { team: "data" } }, [{}], lately)
    assert.deepStrictEqual(again(wide, [same, narrow, notebook, legacy]), ["replaced"])
    assert.deepStrictEqual(again(wide, [same, narrow, notebook, legacy], ["Pod"]), ["replaced", "unread"])
    assert.deepStrictEqual(again(wide, [same, notebook, legacy], ["Pod"]), ["replaced"])
  })
})

describe("a comparison of many selectors", () => {
  const selectors = Array.from({ length: 40 }, (_, index) => ({ matchLabels: { [`key-${index % 7}`]: "a" } }))
  const podsOf = (count: number, read: () => void) =>
    Array.from({ length: count }, (_, index) => {
      const labels = { "key-1": "a", "pod-template-hash": `${index}`, "batch.kubernetes.io/job-name": `${index}` }
      const pod = podOf(`pod-${index}`, labels)
      return {
        ...pod,
        metadata: Object.defineProperty({ ...pod.metadata }, "labels", {
          enumerable: true,
          get: () => (read(), labels)
        })
      }
    })

  it("reads the labels of a pod once, however many selectors there are", () => {
    const readsOf = (count: number) => {
      let reads = 0
      const compared = selectors.slice(0, count)
      const selected = selectedPods(
        [],
        podsOf(100, () => reads++),
        compared,
        effortOf()
      )
      for (const one of compared) for (const other of compared) selected.meet(one, other)
      return reads
    }
    assert.strictEqual(readsOf(2), readsOf(40))
  })

  it("reads a selector once for the pods that differ in labels that none names, and not again for another pair", () => {
    const readsOf = (count: number, rounds: number) => {
      let reads = 0
      const counted = selectors.map((each) =>
        Object.defineProperty({}, "matchLabels", { enumerable: true, get: () => (reads++, each.matchLabels) })
      )
      const selected = selectedPods(
        [],
        podsOf(count, () => undefined),
        counted,
        effortOf()
      )
      for (let round = 0; round < rounds; round++)
        for (const one of counted) for (const other of counted) selected.meet(one, other)
      return reads
    }
    assert.strictEqual(readsOf(1, 1), readsOf(500, 3))
  })

  it("tells pods apart by a label of theirs alone, where a selector names it", () => {
    const [name, owner] = [{ matchLabels: { "job-name": "run-2" } }, { matchLabels: { team: "data" } }]
    const pods = [1, 2, 3].map((index) => podOf(`${index}`, { team: "data", "job-name": `run-${index}` }))
    assert.isTrue(selectedPods([], pods, [name, owner], effortOf()).meet(name, owner))
    assert.isFalse(selectedPods([], pods.toSpliced(1, 1), [name, owner], effortOf()).meet(name, owner))
  })
})

describe("what is read for a deleted policy or budget", () => {
  /** What the plan depends on, and which kinds were listed, where lists of pods and CronJobs fail. */
  const read = Effect.fnUntraced(function* (object: KubernetesObject, others: ReadonlyArray<KubernetesObject>) {
    const lists: Array<string> = []
    const client = yield* Sandbox.make({
      shop: false,
      deployments: [{ namespace: "shop", name: "neighbour", behaviour: "healthy" }],
      intercept: ({ kind, verb }, request) =>
        Effect.suspend(() => {
          if (verb === "list") lists.push(kind)
          return verb === "list" && (kind === "Pod" || kind === "CronJob" || kind === "Job")
            ? Effect.fail(
                new KubernetesError({ reason: { _tag: "Timeout" }, operation: "list", applied: "no", retryable: true })
              )
            : request
        })
    }).pipe(Random.withSeed("selected"))
    yield* Effect.forEach(others, ({ kind, metadata: { name }, ...rest }) =>
      client.apply({
        _tag: "Create",
        ref: { namespace: "shop", kind, name },
        manifest: { kind, ...rest, metadata: { name, namespace: "shop" } } as never
      })
    )
    const before = { ...object, metadata: { ...object.metadata, creationTimestamp: "1969-12-01T00:00:00Z" } }
    const change = recorded(before, undefined, { at: "1970-01-01T00:00:00.000Z" })
    const objects = yield* readRestored(
      client,
      { type: "RestoreObject", target: change.ref, change: changeId },
      { target: change.ref, change }
    )
    return { lists, unread: objects.unread, asks: rulesOf(change, undefined, objects) }
  })

  it.effect.each([
    [wide, narrow, "opens-network"],
    [ours, theirs, "unread"]
  ] as const)(
    "has pods, CronJobs and Jobs only beside another one, and a list that fails is unread",
    ([object, other, ask]) =>
      Effect.gen(function* () {
        const alone = yield* read(object, [])
        assert.notInclude(alone.lists, "Pod")
        assert.notInclude(alone.lists, "CronJob")
        assert.notInclude(alone.lists, "Job")
        assert.deepStrictEqual([alone.unread, alone.asks], [[], []])
        const beside = yield* read(object, [other])
        assert.sameMembers([...(beside.unread ?? [])], ["Pod", "CronJob", "Job"])
        assert.include(beside.asks, ask)
      })
  )
})
