import { assert, describe, it } from "@effect/vitest"
import type { DecisionInput } from "../../src/decision/Decider.ts"
import { findings } from "../../src/decision/Guardrails.ts"
import {
  actions,
  input,
  investigation,
  observed,
  past,
  proposing,
  recorded,
  rollingOut,
  suspecting
} from "./situations.ts"

const rules = (situation: DecisionInput): ReadonlyArray<string> =>
  findings({ ...situation, investigation: situation.investigation! }).map(
    ({ effect, reason }) => `${effect} ${reason.rule}`
  )

const kubeSystem = { namespace: "", kind: "Namespace", name: "kube-system" }
const ofTemplate = recorded({
  ref: { namespace: "shop", kind: "Deployment", name: "checkout" },
  fields: [{ path: ["spec", "template", "spec", "dnsPolicy"], before: "ClusterFirst", after: "None" }]
})

const restoration = (ref: typeof kubeSystem) => ({ ...actions.RestoreObject, target: ref })

const table: ReadonlyArray<readonly [claim: string, finding: string, situation: DecisionInput]> = [
  [
    "a restoration of a change that is no suspect blocks",
    "block other-target",
    proposing({ ...actions.RestoreObject, change: "chg-01ARZ3NDEKTSV4RRFFQ69G5FAW" })
  ],
  [
    "a restoration of a suspect on another object than the changed one blocks",
    "block other-target",
    proposing({ ...actions.RestoreObject, target: { namespace: "shop", kind: "ConfigMap", name: "another" } })
  ],
  [
    "a restoration blocks where no suspects are known, also of the target itself",
    "block other-target",
    input({ investigation: investigation({ action: { ...actions.RestoreObject, target: input().target } }) })
  ],
  [
    "a restoration of the label of a protected namespace blocks",
    "block protected-namespace",
    proposing({ ...actions.RestoreObject, target: kubeSystem }, { suspects: suspecting(recorded({ ref: kubeSystem })) })
  ],
  [
    "a model's choice of one of several likely suspects asks",
    "ask unclear-cause",
    proposing(actions.RestoreObject, { suspects: { ...suspecting(recorded()), finding: "several" } })
  ],
  [
    "a model's choice of a suspect asks where something was not watched",
    "ask unclear-cause",
    proposing(actions.RestoreObject, { suspects: { ...suspecting(recorded()), finding: "unknown" } })
  ],
  [
    "a model's choice of the clear suspect asks where an outage explains the alert as well",
    "ask unclear-cause",
    proposing(actions.RestoreObject, {
      suspects: { ...suspecting(recorded()), outages: ["The registry registry.example cannot be reached."] }
    })
  ],
  [
    "a model's choice of the clear suspect asks where only a person can tell",
    "ask unclear-cause",
    proposing(actions.RestoreObject, {
      suspects: {
        ...suspecting(recorded()),
        ranked: suspecting(recorded()).ranked.map((each) => ({ ...each, needsPerson: "A clock may be wrong." }))
      }
    })
  ],
  [
    "a restoration of the target's template asks while its rollout is under way",
    "ask rollout-under-way",
    proposing(
      { ...actions.RestoreObject, target: ofTemplate.ref },
      {
        suspects: suspecting(ofTemplate),
        observed: rollingOut([{ revision: 2 }, { revision: 3, ready: false }])
      }
    )
  ]
]

describe("the guardrails about a restoration", () => {
  it.each(table)("%s", (_, finding, situation) => {
    assert.deepStrictEqual(rules(situation), [finding])
  })

  it("let a suspect on another object than the target be taken back", () => {
    assert.deepStrictEqual(rules(proposing(actions.RestoreObject)), [])
  })

  it("let a target that was deleted be created again, and nothing else be done for it", () => {
    const gone = observed({ exists: false })
    const deleted = recorded({ ref: ofTemplate.ref, operation: "deleted", fields: [] })
    const again = proposing(restoration(ofTemplate.ref), { observed: gone, suspects: suspecting(deleted) })
    assert.deepStrictEqual(rules(again), [])
    assert.deepStrictEqual(rules(proposing(actions.RestoreObject, { observed: gone })), ["block target-missing"])
  })
})

describe("a rollout that gets nowhere", () => {
  const ref = actions.RollbackDeployment.target
  const change = recorded({ ref, fields: [{ path: ["spec", "template", "spec", "nodeSelector"], after: { a: "b" } }] })
  const pending = rollingOut([{ revision: 3, ready: false, reason: "Unschedulable" }, { revision: 2 }])
  const refused = { ...rollingOut([{ revision: 2 }]), failedCreate: "serviceaccount not found" }
  const starting = rollingOut([{ revision: 3, ready: false, reason: null }, { revision: 2 }])
  const back = { type: "RestoreObject", target: ref, change: change.id } as const

  it.each([
    ["no node takes its pods", pending],
    ["the API server refuses its pods", refused]
  ])("is undone if %s, and the change of its template is the one suspect", (_, observed) => {
    for (const action of [actions.RollbackDeployment, back])
      assert.notInclude(rules(proposing(action, { observed, suspects: suspecting(change) })), "ask rollout-under-way")
  })

  it("is left alone without that suspect: more nodes may come", () => {
    for (const suspects of [suspecting(), { ...suspecting(change), finding: "several" } as const])
      assert.include(
        rules(proposing(actions.RollbackDeployment, { observed: pending, suspects })),
        "ask rollout-under-way"
      )
  })

  it("is left alone while its pods start, also with that suspect", () => {
    for (const action of [actions.RollbackDeployment, back])
      assert.include(
        rules(proposing(action, { observed: starting, suspects: suspecting(change) })),
        "ask rollout-under-way"
      )
  })
})

describe("the cooldown of a restoration", () => {
  const wrote = (...fields: ReadonlyArray<string>) => ({
    ...past("RestoreObject", 2, "fixed"),
    writes: { digest: "d", fields, before: null, after: null }
  })
  const asks = (earlier: ReturnType<typeof past>) =>
    rules(proposing(actions.RestoreObject, { history: [earlier] })).includes("ask cooldown")

  it("is that of the same object: to take back a change of another one is another action", () => {
    assert.isTrue(asks(wrote("ConfigMap shop/checkout-config /data/url")))
    assert.isFalse(asks(wrote("Service shop/checkout /spec/selector/app")))
  })

  it("is that of every object where it is not known what was written", () => {
    assert.isTrue(asks(past("RestoreObject", 2, "fixed")))
  })
})
