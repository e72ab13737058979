import { assert, describe, it } from "@effect/vitest"
import type { Notification } from "../../src/domain/Notification.ts"
import { alertsOf } from "../../src/notification/AlertmanagerSink.ts"

const notification = (change: Pick<Notification, "begins" | "ends">): Notification => ({
  key: "k1",
  kind: change.begins === undefined ? "account-resumed" : "account-suspended",
  severity: "warning",
  at: "2026-01-01T00:00:00.000Z",
  cluster: "prod",
  title: "A model's account serves nobody until somebody pays or replaces its key",
  facts: [],
  ...change
})

const labelsOf = (name: string, change: "begins" | "ends" = "begins") => {
  const condition = { name, severity: "warning" } as const
  const told = notification(change === "begins" ? { begins: condition } : { ends: [condition] })
  return alertsOf({ notifications: [told] }, Date.parse("2026-01-01T00:00:10.000Z"), { cluster: "prod" })[0]?.labels
}

describe("the alert of a condition", () => {
  it("of a model's account names the service, and no remediation", () => {
    assert.deepStrictEqual(labelsOf("account/llm:openai"), {
      alertname: "KubernautAccountSuspended",
      severity: "warning",
      cluster: "prod",
      kubernaut_self: "true",
      service: "llm:openai"
    })
  })

  it("is another one for each account, and the same at its beginning and its end", () => {
    const [a, b] = ["account/https://gateway/v1/a", "account/https://gateway/v1/b"]
    assert.strictEqual(labelsOf(a!)?.["service"], "https://gateway/v1/a")
    assert.notDeepEqual(labelsOf(a!), labelsOf(b!))
    assert.deepStrictEqual(labelsOf(a!), labelsOf(a!, "ends"))
  })

  it("about a remediation names it", () => {
    assert.deepInclude(labelsOf("escalation/rem-1"), { alertname: "KubernautPersonNeeded", remediation: "rem-1" })
    assert.deepInclude(labelsOf("approval/rem-1"), { alertname: "KubernautApprovalWaiting", remediation: "rem-1" })
  })

  it.each([
    "emergency",
    "level",
    "escalation/rem-1",
    "approval/rem-1",
    "storage",
    "audit",
    "emergency-stop",
    "cut-off",
    "alerting",
    "account/a"
  ])("%s has a name of its own", (name) => {
    assert.notStrictEqual(labelsOf(name)?.["alertname"], "KubernautCondition")
  })
})
