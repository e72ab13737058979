import { assert, describe, it } from "@effect/vitest"
import { fieldText, summary, whatText, whenText, whoText } from "../../src/changes/SuspectText.ts"
import type { ObjectChange } from "../../src/domain/ObjectChange.ts"
import type { Suspect, Suspects } from "../../src/domain/Suspects.ts"
import { at, created, deleted, modified, own, ref } from "./scenes.ts"

const port = modified(ref("Service", "checkout"), -12, ["spec", "ports", { by: "name", value: "http" }, "targetPort"], {
  before: 8080,
  after: 9090
})

const ranked = (change: ObjectChange, score: number): Suspect => ({
  change,
  score,
  distance: 1,
  relation: "is selected by Service shop/checkout",
  reasons: []
})

const suspects = (changes: Partial<Suspects>): Suspects => ({
  finding: "unknown",
  ranked: [],
  symptomAt: at(0),
  since: at(-3600),
  gaps: [],
  unread: [],
  ...changes
})

describe("suspects in one line", () => {
  it("name the object, the field before and after, who, and how long before the alert", () => {
    assert.strictEqual(
      summary(suspects({ finding: "one", ranked: [ranked(port, 0.9)] }), at(0)),
      "1 suspect: Service shop/checkout spec.ports[http].targetPort 8080 -> 9090 by kubectl-edit 12 s before the alert"
    )
  })

  it("name what fails besides", () => {
    const outages = ["The registry r.example cannot be reached."]
    assert.include(
      summary(suspects({ finding: "one", ranked: [ranked(port, 0.9)], outages }), at(0)),
      "; or another cause: The registry r.example cannot be reached."
    )
  })

  it("name what has been taken back already, and by which remediation", () => {
    const takenBack = [{ change: port, at: at(-5), remediation: "rem-01" }]
    const told = summary(suspects({ finding: "nothing-changed", takenBack }), at(0))
    assert.include(told, "nothing else that is relevant changed since")
    assert.include(
      told,
      "; taken back already: Service shop/checkout spec.ports[http].targetPort 8080 -> 9090 by rem-01"
    )
  })

  it("count those of a similar score, and say how many changes are less likely", () => {
    const policy = created(ref("NetworkPolicy", "deny"), -180)
    const gone = deleted(ref("ConfigMap", "settings"), -7200, { by: { kind: "unknown" } })
    const list = [ranked(port, 0.9), ranked(policy, 0.8), ranked(gone, 0.1)]
    assert.strictEqual(
      summary(suspects({ finding: "several", ranked: list }), at(0)),
      "2 suspects: Service shop/checkout spec.ports[http].targetPort 8080 -> 9090 by kubectl-edit 12 s before the alert; NetworkPolicy shop/deny created by kubectl-edit 3 min before the alert"
    )
    assert.include(summary(suspects({ ranked: [ranked(gone, 0.1)] }), at(0)), "1 less likely change ranked")
  })

  it("say that nothing changed only of what was watched, and otherwise since when and why it is unknown", () => {
    assert.include(summary(suspects({ finding: "nothing-changed" }), at(0)), "watched throughout")
    const gap = { kind: "Service", from: at(-300), to: at(-200), reason: "expired" as const }
    const unknown = summary(suspects({ gaps: [gap], unread: ["Ingress"] }), at(0))
    assert.include(unknown, `unknown what changed since ${at(-3600)}`)
    for (const part of ["Service", "410", "Ingress"]) assert.include(unknown, part)
    assert.notInclude(unknown, "watched throughout")
  })

  it("give an interval where nobody watched, and the user where one is known", () => {
    const unseen = { ...port, notBefore: at(-100), seenAt: at(-20), by: { ...port.by, user: "ann@example.com" } }
    const text = summary(suspects({ finding: "one", ranked: [ranked(unseen, 0.9)] }), at(0))
    assert.include(text, `by ann@example.com (kubectl-edit) between ${at(-100)} and ${at(-20)}`)
  })

  it("are one line without control characters, whatever the cluster holds, and bounded", () => {
    const evil = modified(ref("ConfigMap", "a"), -1, ["data", "x\u001b[2J\u202ey"], {
      before: "a\nb\u0007",
      after: "\u009b31m".repeat(5000)
    })
    const text = summary(
      suspects({ finding: "one", ranked: [ranked({ ...evil, by: { kind: "person", name: "bad\r\nname" } }, 0.9)] }),
      at(0)
    )
    assert.notMatch(text, /[\p{Cc}\p{Cf}]/u)
    assert.isBelow(text.length, 800)
  })

  it("know of a Secret only the field, and of several fields how many", () => {
    assert.strictEqual(fieldText({ path: ["data", "token"] }), "data.token")
    assert.strictEqual(fieldText({ path: "spec.replicas", before: 2 }), "spec.replicas 2 -> (none)")
    const two = { ...port, fields: [...port.fields, ...port.fields] }
    assert.include(whatText(two), "(and 1 more field)")
    assert.strictEqual(whoText({ by: own }), "Kubernaut itself")
    assert.strictEqual(whenText(port), `at ${at(-12)}`)
  })
})
