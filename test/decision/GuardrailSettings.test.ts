import { assert, describe, it } from "@effect/vitest"
import { Duration, Result, Schema } from "effect"
import { BlastRadiusSettings } from "../../src/decision/BlastRadiusSettings.ts"
import {
  defaults,
  GuardrailSettings,
  inForce,
  isProtected,
  removedProtection
} from "../../src/decision/GuardrailSettings.ts"
import { Manager } from "../../src/domain/WorkloadState.ts"

describe("GuardrailSettings", () => {
  it("has the default listed here for every setting", () => {
    assert.deepStrictEqual(
      {
        ...defaults,
        cooldown: Duration.toMillis(defaults.cooldown),
        ineffectiveFor: Duration.toMillis(defaults.ineffectiveFor),
        answerLifetime: Duration.toMillis(defaults.answerLifetime),
        blastRadius: Schema.encodeSync(BlastRadiusSettings)(defaults.blastRadius),
        giveUp: Schema.encodeSync(GuardrailSettings.fields.giveUp)(defaults.giveUp),
        peers: Schema.encodeSync(GuardrailSettings.fields.peers)(defaults.peers)
      },
      {
        protectedNamespaces: ["kube-system", "kube-public", "kube-node-lease", "kubernaut"],
        cooldown: 600_000,
        blastRadius: {
          target: { burst: 3, refill: "10 minutes" },
          namespace: { burst: 10, refill: "1 minute" },
          pool: { burst: 10, refill: "1 minute" }
        },
        giveUp: { tries: 3, within: "6 hours", for: "6 hours", loopFor: "1 day" },
        peers: { failures: 3, within: "15 minutes" },
        ineffectiveLimit: 3,
        ineffectiveFor: 86_400_000,
        answerLifetime: 900_000,
        respectManagers: Manager.literals,
        minimumConfidence: 0.3,
        automaticRisk: "medium",
        maximumReplicas: 50,
        maximumScaleFactor: 4,
        maximumNodesOut: 0.25,
        removableKinds: []
      }
    )
  })

  it("decodes durations from text, and takes the default for fields that are missing", () => {
    const settings = Schema.decodeSync(GuardrailSettings)({ cooldown: "30 seconds", actionsPerWindow: { limit: 5 } })
    assert.strictEqual(Duration.toMillis(settings.cooldown), 30_000)
    assert.strictEqual(settings.actionsPerWindow?.limit, 5)
    assert.strictEqual(Duration.toMillis(settings.actionsPerWindow!.window), 600_000)
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

describe("lists of guardrails", () => {
  const decode = Schema.decodeUnknownSync(GuardrailSettings)
  const shielded = ["kube-system", "kube-public", "kube-node-lease", "kubernaut"]

  it.each([
    ["one more namespace keeps the defaults", ["payments"], [...shielded, "payments"]],
    ["an empty list keeps the defaults", [], shielded],
    ["a removal takes one default away", ["!kube-system"], shielded.slice(1)],
    ["an entry and a removal", ["!kubernaut", "pay-*"], [...shielded.slice(0, 3), "pay-x"]]
  ])("%s", (_, protectedNamespaces, expected) => {
    const settings = decode({ protectedNamespaces })
    const namespaces = [...shielded, "payments", "pay-x", "shop"]
    assert.deepStrictEqual(
      namespaces.filter((namespace) => isProtected(namespace, settings)),
      expected
    )
    // An embedder may pass decoded settings on.
    assert.deepStrictEqual(inForce(settings), settings)
  })

  it("a manager can be ignored without ignoring the others", () => {
    const { respectManagers } = decode({ respectManagers: ["!helm"] })
    assert.notInclude(respectManagers, "helm")
    assert.include(respectManagers, "argocd")
  })

  it.each([{ protectedNamespaces: ["!kube-sytem"] }, { respectManagers: ["!puppet"] }])(
    "rejects the removal of what is not a default: %j",
    (settings) => {
      assert.throws(() => decode(settings), /removes nothing|Expected/)
    }
  )

  it.each(["Payments", "payments ", " !kube-system", "! kube-system", "team/payments", ""])(
    "refuses the namespace %j, which would protect nothing",
    (namespace) => {
      assert.isTrue(Result.isFailure(Schema.decodeResult(GuardrailSettings)({ protectedNamespaces: [namespace] })))
    }
  )

  it("names the protection that was removed, for the log at start", () => {
    const settings = decode({ protectedNamespaces: ["payments", "!kube-system"], respectManagers: ["!helm"] })
    assert.deepStrictEqual(removedProtection(settings), { namespaces: ["kube-system"], managers: ["helm"] })
    assert.deepStrictEqual(removedProtection(defaults), { namespaces: [], managers: [] })
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
