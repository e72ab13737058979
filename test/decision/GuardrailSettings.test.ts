import { assert, describe, it } from "@effect/vitest"
import { Duration, Schema } from "effect"
import { defaults, GuardrailSettings, isProtected } from "../../src/decision/GuardrailSettings.ts"
import { Manager } from "../../src/domain/WorkloadState.ts"

describe("GuardrailSettings", () => {
  it("has the default listed here for every setting", () => {
    assert.deepStrictEqual(
      {
        ...defaults,
        cooldown: Duration.toMillis(defaults.cooldown),
        ineffectiveFor: Duration.toMillis(defaults.ineffectiveFor),
        answerLifetime: Duration.toMillis(defaults.answerLifetime),
        actionsPerWindow: { ...defaults.actionsPerWindow, window: Duration.toMillis(defaults.actionsPerWindow.window) }
      },
      {
        protectedNamespaces: ["kube-system", "kube-public", "kube-node-lease", "kubernaut"],
        cooldown: 600_000,
        actionsPerWindow: { limit: 20, window: 600_000 },
        ineffectiveLimit: 3,
        ineffectiveFor: 86_400_000,
        answerLifetime: 900_000,
        respectManagers: Manager.literals,
        minimumConfidence: 0.3,
        automaticRisk: "medium",
        maximumReplicas: 50,
        maximumScaleFactor: 4,
        maximumNodesOut: 0.25
      }
    )
  })

  it("decodes durations from text, and takes the default for fields that are missing", () => {
    const settings = Schema.decodeSync(GuardrailSettings)({ cooldown: "30 seconds", actionsPerWindow: { limit: 5 } })
    assert.strictEqual(Duration.toMillis(settings.cooldown), 30_000)
    assert.strictEqual(settings.actionsPerWindow.limit, 5)
    assert.strictEqual(Duration.toMillis(settings.actionsPerWindow.window), 600_000)
  })

  it.each([
    { cooldown: "0 seconds" },
    { cooldown: "soon" },
    { answerLifetime: "30 seconds" },
    { ineffectiveLimit: 0 },
    { minimumConfidence: 1.1 },
    { automaticRisk: "extreme" },
    { maximumReplicas: 0 },
    { respectManagers: ["puppet"] },
    { actionsPerWindow: { limit: 0 } }
  ])("rejects %j", (settings) => {
    assert.throws(() => Schema.decodeUnknownSync(GuardrailSettings)(settings))
  })
})

describe("isProtected", () => {
  it("matches whole names, literally or by a glob", () => {
    const settings = { ...defaults, protectedNamespaces: ["kube-*", "pay.ments", "*-prod"] }
    const expected: Readonly<Record<string, boolean>> = {
      "kube-system": true,
      "my-kube-system": false,
      "pay.ments": true,
      payxments: false,
      "shop-prod": true,
      "shop-prod-2": false,
      "": false
    }
    for (const [namespace, is] of Object.entries(expected))
      assert.strictEqual(isProtected(namespace, settings), is, namespace)
  })
})
