import { assert, describe, it } from "@effect/vitest"
import { Exit } from "effect"
import type { RemediationEvent, RemediationEventKind } from "../../../src/domain/Remediation.ts"
import { noSecretLeaks } from "../../../src/simulation/invariants/NoSecretLeaks.ts"
import { type Observation, Observations, type TextChannel } from "../../../src/simulation/observation/Observation.ts"
import { planted } from "../../../src/simulation/observation/Secrets.ts"
import { publishAnswer } from "../../../src/simulation/observation/TextWatch.ts"
import { run } from "../../../src/simulation/run/Simulation.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"
import { watch } from "../fixtures/Watching.ts"

const left = (channel: TextChannel, text: string): Observation => ({ _tag: "TextLeft", channel, about: "test", text })

const committed = (kind: RemediationEventKind, text: string): Observation => ({
  _tag: "Committed",
  // Only the fields that the checker reads.
  events: [
    {
      remediationId: "rem-1",
      sequence: 0,
      epoch: 1,
      kind,
      at: "",
      event: { _tag: kind, text } as unknown as RemediationEvent
    }
  ]
})

/** Publishes the responses of the service to a client. */
const client = () => {
  const seen = watch(noSecretLeaks)
  const observations = new Observations(() => 0)
  observations.subscribe({ TextLeft: (text) => seen.at(0, text) })
  return { reports: seen.reports, receive: (exit: Exit.Exit<unknown, unknown>) => publishAnswer(observations, exit) }
}

describe("no-secret-leaks", () => {
  it("reports each planted secret in each channel by its name, not by its value", () => {
    for (const [name, secret] of Object.entries(planted)) {
      for (const channel of ["prompt", "answer", "crash", "span", "log"] as const) {
        const { at, reports } = watch(noSecretLeaks)
        at(0, left(channel, `before ${secret} after`))
        assert.deepStrictEqual(reports, [`${name} left by ${channel} (test)`])
      }
    }
  })

  it("reports a secret in the journal, except in the stored alert", () => {
    const { at, reports } = watch(noSecretLeaks)
    at(0, committed("Accepted", planted.annotationPassword), committed("Investigated", planted.annotationPassword))
    assert.deepStrictEqual(reports, ["annotationPassword is in the journal of rem-1 (Investigated)"])
  })

  it("reports a secret in an intent's baseline, and accepts one in the template that the intent must restore", () => {
    const { at, reports } = watch(noSecretLeaks)
    const intended = (intent: object): Observation => ({
      _tag: "Committed",
      events: [
        {
          remediationId: "rem-1",
          sequence: 0,
          epoch: 1,
          kind: "Intended",
          at: "",
          text: JSON.stringify(intent),
          event: { _tag: "Intended", intent } as unknown as RemediationEvent
        }
      ]
    })
    const template = { env: [{ name: "DB_PASSWORD", value: planted.containerPassword }] }
    at(0, intended({ changes: [template], inverse: { changes: [template] }, action: "RollbackDeployment" }))
    assert.deepStrictEqual(reports, [])
    at(1, intended({ changes: [template], baseline: { conditions: [planted.containerPassword] } }))
    assert.deepStrictEqual(reports, ["containerPassword is in the journal of rem-1 (Intended)"])
  })

  it("reports a secret anywhere in a line of the audit log", () => {
    const line = {
      sequence: 1,
      at: "",
      actor: "kubernaut",
      kind: "remediation.Executed",
      subject: "rem-1",
      data: "{}",
      hash: ""
    }
    const rows = [
      line,
      { ...line, sequence: 2, data: `{"message":"${planted.registryToken}"}` },
      { ...line, sequence: 3, actor: planted.holmesgptKey }
    ]
    const { end, reports } = watch(noSecretLeaks, undefined, { farEnds: { database: { auditRows: () => rows } } })
    end()
    assert.deepStrictEqual(reports, [
      "registryToken is in line 2 of the audit log (remediation.Executed)",
      "holmesgptKey is in line 3 of the audit log (remediation.Executed)"
    ])
  })

  it("searches responses, and the fields and the cause of an error, not only its message", () => {
    const { reports, receive } = client()
    receive(Exit.fail({ _tag: "StorageError", detail: { headers: [`Bearer ${planted.holmesgptKey}`] } }))
    receive(Exit.die(new Error("broken", { cause: new Error(planted.databasePassword) })))
    receive(Exit.succeed([{ reasons: [{ message: planted.annotationPassword }] }]))
    assert.deepStrictEqual(reports, [
      "holmesgptKey left by answer (an error)",
      "databasePassword left by answer (an error)",
      "annotationPassword left by answer (an answer)"
    ])
  })

  it("accepts redacted text", () => {
    const { at, reports } = watch(noSecretLeaks)
    at(0, left("prompt", "postgres://app:[redacted:password]@db"), committed("Decided", "nothing"))
    assert.deepStrictEqual(reports, [])
  })

  it("observes the prompts, spans and log lines of a run, without the secrets that were planted in logs and annotations", () => {
    const texts = new Map<TextChannel, Array<string>>()
    const { violations } = run({
      seed: 1,
      scenario: { ...Scenario.secrets, durationMs: 5 * 60_000 },
      plan: [
        {
          kind: "error-storm",
          atMs: 120_000,
          forMs: 60_000,
          parameters: { peers: ["holmesgpt"], share: 1, status: 500, probes: false }
        }
      ],
      onMade: ({ observations }) =>
        observations.subscribe({
          TextLeft: ({ channel, text }) => void texts.set(channel, [...(texts.get(channel) ?? []), text])
        })
    })
    assert.deepStrictEqual(violations, [])
    const prompts = texts.get("prompt") ?? []
    assert.isAbove(prompts.length, 5)
    assert.isTrue(
      prompts.some((text) => text.includes("DATABASE_URL=[redacted") || text.includes("postgres://app:[redacted"))
    )
    assert.isTrue(prompts.every((text) => text.includes("postgres://oncall:[redacted:password]")))
    assert.isTrue((texts.get("log") ?? []).some((text) => text.includes("Investigation failed")))
    assert.isTrue((texts.get("span") ?? []).some((text) => text.startsWith("hop holmesgpt")))
  })
})
