import { assert, describe, it } from "@effect/vitest"
import type { AuditEvent } from "../../src/domain/AuditEvent.ts"
import type { Notification } from "../../src/domain/Notification.ts"
import type { Remediation } from "../../src/domain/Remediation.ts"
import { redact } from "../../src/investigation/evidence/Redaction.ts"
import { aboutRemediation, notificationOf, type Teller } from "../../src/notification/NotificationOf.ts"
import { makeFacts } from "../../src/notification/RemediationFacts.ts"
import * as Journals from "../remediation/journals.ts"

const teller: Teller = {
  ...makeFacts(redact),
  cluster: "prod",
  isOwnAlert: (labels) => labels["kubernaut_self"] === "true"
}

const line = (kind: string, data: AuditEvent["data"] = {}, more: Partial<AuditEvent> = {}): AuditEvent => ({
  sequence: 7,
  at: "2026-11-24T03:00:00.000Z",
  actor: "kubernaut",
  kind,
  subject: "",
  data,
  previousHash: "0".repeat(64),
  hash: "ab".repeat(32),
  ...more
})

const ended = (state: string) => line("remediation.Concluded", { state })

const record = (more: Partial<Remediation> = {}): Remediation => ({
  id: Journals.id,
  state: "Escalated",
  alert: Journals.alert,
  target: Journals.target,
  provisional: false,
  hops: [],
  investigated: true,
  investigations: 1,
  questions: 0,
  executions: [],
  receivedAt: "2026-11-24T02:59:00.000Z",
  updatedAt: "2026-11-24T03:00:00.000Z",
  sequence: 3,
  ...more
})

const critical = { alert: { ...Journals.alert, severity: "critical" } } as const
const asked = { questions: 1, state: "AwaitingReview" } as const

/** What is told of a line: kind, severity, the condition that begins, and those that end. */
type Row = readonly [
  situation: string,
  line: AuditEvent,
  record: Remediation | undefined,
  told: readonly [kind: string, severity: string, begins?: string | undefined, ends?: ReadonlyArray<string>] | undefined
]

const level = (from: number, to: number) => line("level.changed", { from, to, reasons: ["holmesgpt is out"] })
/** A line of one process, with what the others are in. */
const beside = (self: AuditEvent, ...others: ReadonlyArray<number | "cut-off">): AuditEvent => ({
  ...self,
  data: {
    ...self.data,
    others: others.map((other) => ({ level: other === "cut-off" ? 0 : other, isCutOff: other === "cut-off" }))
  }
})
const ofIt = ["approval/rem-1", "escalation/rem-1"]

const rows: ReadonlyArray<Row> = [
  ["a fall to level 1", level(0, 1), undefined, ["level-changed", "warning", "level", ["emergency"]]],
  ["a rise to level 1", level(2, 1), undefined, ["level-changed", "warning", "level", ["emergency"]]],
  ["a rise to level 0", level(1, 0), undefined, ["level-changed", "warning", undefined, ["level", "emergency"]]],
  ["a fall to level 3", level(1, 3), undefined, ["emergency-entered", "critical", "emergency", ["level"]]],
  ["a rise from 3 to 2", level(3, 2), undefined, ["emergency-left", "critical", "level", ["emergency"]]],
  ["a rise from 3 to 0", level(3, 0), undefined, ["emergency-left", "critical", undefined, ["level", "emergency"]]],
  ["a fall beside an emergency", beside(level(0, 1), 3), undefined, ["level-changed", "warning", "level"]],
  ["a rise beside an emergency", beside(level(3, 0), 3), undefined, ["level-changed", "warning", undefined, ["level"]]],
  ["a rise to 1 beside an emergency", beside(level(3, 1), 1, 3), undefined, ["level-changed", "warning", "level"]],
  [
    "a rise beside a lower level",
    beside(level(3, 0), 2),
    undefined,
    ["emergency-left", "critical", undefined, ["emergency"]]
  ],
  [
    "an emergency beside a lower level",
    beside(level(0, 3), 1),
    undefined,
    ["emergency-entered", "critical", "emergency"]
  ],
  ["that peers are reached", line("peers.reached"), undefined, ["cut-off-ended", "critical", undefined, ["cut-off"]]],
  [
    "that peers are reached beside one that is cut off",
    beside(line("peers.reached"), "cut-off"),
    undefined,
    ["cut-off-ended", "critical"]
  ],
  ["the order of an emergency, which the level follows", line("emergency.set"), undefined, undefined],
  ["an escalation", ended("Escalated"), record(), ["escalated", "warning", "escalation/rem-1", ["approval/rem-1"]]],
  [
    "an escalation of a critical alert",
    ended("Escalated"),
    record(critical),
    ["escalated", "critical", "escalation/rem-1", ["approval/rem-1"]]
  ],
  ["an escalation whose record is lost", ended("Escalated"), undefined, ["escalated", "warning", "escalation/"]],
  ["a remediation", ended("Remediated"), record({ state: "Remediated" }), ["remediated", "info", undefined, ofIt]],
  ["a rollback", ended("RolledBack"), record(), ["rolled-back", "warning", undefined, ofIt]],
  [
    "a rollback of a critical alert",
    ended("RolledBack"),
    record(critical),
    ["rolled-back", "critical", undefined, ofIt]
  ],
  ["an alert that is only observed", ended("Observed"), record({ state: "Observed" }), undefined],
  ["an end with an open question", ended("Cancelled"), record(asked), ["approval-ended", "warning", undefined, ofIt]],
  [
    "an end after an answer",
    ended("Cancelled"),
    record({ ...asked, review: { answer: "rejected", by: "ada", at: "2026-11-24T03:00:00.000Z" } }),
    undefined
  ],
  [
    "a question",
    line("remediation.Decided", { outcome: "review" }, { subject: "rem-1" }),
    record(asked),
    ["approval-waiting", "warning", "approval/rem-1"]
  ],
  ["a decision that asks nobody", line("remediation.Decided", { outcome: "execute" }), record(), undefined],
  [
    "an answer",
    line("remediation.Reviewed", { answer: "approved" }, { actor: "ada" }),
    record(),
    ["approval-ended", "warning", undefined, ["approval/rem-1"]]
  ],
  [
    "the end of an alert that was escalated",
    line("remediation.AlertResolved"),
    record(),
    ["escalation-ended", "warning", undefined, ["escalation/rem-1"]]
  ],
  [
    "the end of an escalation because more severe work takes over",
    line("remediation.HandedOver"),
    record(),
    ["escalation-ended", "warning", undefined, ["escalation/rem-1"]]
  ],
  [
    "the end of an alert that is worked on",
    line("remediation.AlertResolved"),
    record({ state: "Executing" }),
    undefined
  ],
  [
    "an escalation about Kubernaut itself",
    ended("Escalated"),
    record({ alert: { ...Journals.alert, labels: { kubernaut_self: "true" } } }),
    undefined
  ],
  ["a broken database", line("storage.down"), undefined, ["storage-down", "critical", "storage"]],
  ["a database that works again", line("storage.up"), undefined, ["storage-up", "critical", undefined, ["storage"]]],
  ["a broken audit chain", line("audit.broken"), undefined, ["audit-broken", "critical", "audit"]],
  [
    "a broken audit chain that an operator knows of",
    line("audit.acknowledged"),
    undefined,
    ["audit-acknowledged", "critical", undefined, ["audit"]]
  ],
  ["the emergency stop", line("emergency-stop.set"), undefined, ["emergency-stop-set", "warning", "emergency-stop"]],
  [
    "the end of the emergency stop",
    line("emergency-stop.lifted"),
    undefined,
    ["emergency-stop-lifted", "warning", undefined, ["emergency-stop"]]
  ],
  ["isolation", line("peers.cut-off"), undefined, ["cut-off", "critical", "cut-off"]],
  ["the end of isolation", line("peers.reached"), undefined, ["cut-off-ended", "critical", undefined, ["cut-off"]]],
  ["silent alerting", line("alerting.silent"), undefined, ["alerting-silent", "critical", "alerting"]],
  [
    "alerting that is heard",
    line("alerting.heard"),
    undefined,
    ["alerting-heard", "critical", undefined, ["alerting"]]
  ],
  [
    "silent alerting that is not watched any more",
    line("alerting.unwatched"),
    undefined,
    ["alerting-unwatched", "critical", undefined, ["alerting"]]
  ],
  [
    "an account without money",
    line("account.suspended", { times: 1, reason: "out-of-money" }, { subject: "llm:a" }),
    undefined,
    ["account-suspended", "warning", "account/llm:a"]
  ],
  [
    "the next trial of it that fails",
    line("account.suspended", { times: 2 }, { subject: "llm:a" }),
    undefined,
    undefined
  ],
  [
    "a later trial of it, whose first one the database could not record",
    line("account.suspended", { times: 3, isFirst: true }, { subject: "llm:a" }),
    undefined,
    ["account-suspended", "warning", "account/llm:a"]
  ],
  [
    "an account that is not used any more",
    line("account.resumed", { isReplaced: true }, { subject: "llm:a" }),
    undefined,
    ["account-resumed", "warning", undefined, ["account/llm:a"]]
  ],
  [
    "an account that works again",
    line("account.resumed", {}, { subject: "llm:a" }),
    undefined,
    ["account-resumed", "warning", undefined, ["account/llm:a"]]
  ],
  ["a recovery", line("service.recovered", { durationMs: 90_000 }), undefined, ["recovered", "info"]],
  ["an override of a breaker", line("breaker.isolated"), undefined, undefined],
  ["a start of work", line("remediation.Started"), undefined, undefined]
]

const valuesOf = (told: Notification | undefined) =>
  Object.fromEntries((told?.facts ?? []).map(({ name, value }) => [name, value]))

describe("the notification of an audit line", () => {
  for (const [situation, about, remediation, expected] of rows) {
    const what = expected === undefined ? "nothing" : expected[0]
    it(`${situation}: ${what}`, () => {
      const told = notificationOf(about, remediation, teller)
      assert.deepStrictEqual(
        told === undefined
          ? undefined
          : [told.kind, told.severity, told.begins?.name, told.ends?.map(({ name }) => name)],
        expected === undefined ? undefined : [expected[0], expected[1], expected[2], expected[3]]
      )
    })
  }

  it("gives a condition the same urgency at its end as at its beginning, because a sink finds it by both", () => {
    const urgencies = new Map<string, Set<string>>()
    for (const [, about, remediation] of rows) {
      const told = notificationOf(about, remediation, teller)
      const conditions = [...(told?.begins === undefined ? [] : [told.begins]), ...(told?.ends ?? [])]
      for (const { name, severity } of conditions) {
        const key = `${name} of a ${remediation?.alert.severity}`
        urgencies.set(key, (urgencies.get(key) ?? new Set()).add(severity))
      }
    }
    assert.isAbove(urgencies.size, 8)
    for (const [name, severities] of urgencies) assert.strictEqual(severities.size, 1, name)
  })

  it("asks for the record of exactly the lines that need one", () => {
    const kinds = rows.filter(([, about]) => aboutRemediation(about) !== undefined).map(([, { kind }]) => kind)
    assert.deepStrictEqual(
      [...new Set(kinds)].toSorted(),
      ["AlertResolved", "Concluded", "Decided", "HandedOver", "Reviewed"].map((event) => `remediation.${event}`)
    )
    assert.isUndefined(aboutRemediation(line("remediation.Decided", { outcome: "execute" })))
  })

  it("is identified by the place of the line in the chain, so that it is the same whenever it is derived", () => {
    const twice = [1, 2].map(() => notificationOf(level(0, 1), undefined, teller)?.key)
    assert.deepStrictEqual(twice, ["ab".repeat(16), "ab".repeat(16)])
    const told = line("storage.down", { key: "storage-1" })
    assert.strictEqual(notificationOf(told, undefined, teller)?.key, "storage-1")
  })

  it("says of an escalation what was found, what was done and why a person is needed", () => {
    const told = notificationOf(
      ended("Escalated"),
      record({
        conclusion: "It is not fixed.",
        investigation: Journals.investigation,
        executions: [
          {
            intent: Journals.intent,
            outcome: { executionId: "1", applied: "yes", finishedAt: "2026-11-24T03:00:00.000Z" }
          }
        ],
        verification: { verdict: "not-fixed", reasons: [], observed: null, verifiedAt: "2026-11-24T03:00:00.000Z" }
      }),
      teller
    )
    assert.deepStrictEqual(valuesOf(told), {
      Alert: "KubeDeploymentRolloutStuck, warning",
      Target: "Deployment shop/checkout",
      Why: "It is not fixed.",
      Found: "The newest revision crash-loops.",
      "Found by": "rules, confidence 0.50",
      Done: "RollbackDeployment: carried out; verified: not-fixed"
    })
  })

  it("says of a question the action, its figures, and by when it needs an answer", () => {
    const told = notificationOf(
      line("remediation.Decided", { outcome: "review" }),
      record({
        ...asked,
        answerBy: "2026-11-25T03:00:00.000Z",
        decision: {
          outcome: "review",
          action: Journals.action,
          risk: "medium",
          confidence: 0.5,
          reasons: [{ rule: "approve-mode", message: "every action needs an approval" }],
          figures: { replicas: "3 -> 5" }
        }
      }),
      teller
    )
    assert.deepInclude(valuesOf(told), {
      Action: "RollbackDeployment, risk medium",
      Figures: "replicas 3 -> 5",
      Because: "approve-mode: every action needs an approval",
      "Answer by": "2026-11-25T03:00:00.000Z"
    })
  })

  it("carries no secret, no control character and no long text of a model", () => {
    const rootCause = `password=hunter2 \u001b[2J ${"x".repeat(2000)}`
    const told = notificationOf(
      ended("Escalated"),
      record({ investigation: { ...Journals.investigation, rootCause } }),
      teller
    )
    const found = valuesOf(told)["Found"] ?? ""
    assert.notInclude(found, "hunter2")
    assert.include(found, "[redacted:")
    assert.include(found, "\\u001b")
    assert.isAtMost(found.length, 400)
  })

  it("does not cut a secret in two before it is removed", () => {
    const rootCause = `${"x".repeat(390)} password=${"hunter2".repeat(5)}`
    const told = notificationOf(
      ended("Escalated"),
      record({ investigation: { ...Journals.investigation, rootCause } }),
      teller
    )
    assert.notInclude(JSON.stringify(told), "hunter")
  })
})
