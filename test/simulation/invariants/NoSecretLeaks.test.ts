import { assert, describe, it } from "@effect/vitest"
import type { RemediationEvent, RemediationEventKind } from "../../../src/domain/Remediation.ts"
import { noSecretLeaks } from "../../../src/simulation/invariants/NoSecretLeaks.ts"
import type { Observation, TextChannel } from "../../../src/simulation/Observation.ts"
import * as Scenario from "../../../src/simulation/Scenario.ts"
import { planted } from "../../../src/simulation/Secrets.ts"
import { run } from "../../../src/simulation/Simulation.ts"
import { watch } from "../fixtures/Watching.ts"

const left = (channel: TextChannel, text: string): Observation => ({ _tag: "TextLeft", channel, about: "test", text })

const committed = (kind: RemediationEventKind, text: string): Observation => ({
  _tag: "Committed",
  // Only what the checker looks at.
  events: [{ remediationId: "rem-1", sequence: 0, epoch: 1, kind, at: "", event: { _tag: kind, text } as unknown as RemediationEvent }]
})

describe("no-secret-leaks", () => {
  it("reports each planted secret in each way out, by its name and not by itself", () => {
    for (const [name, secret] of Object.entries(planted)) {
      for (const channel of ["prompt", "span", "log"] as const) {
        const { at, reports } = watch(noSecretLeaks)
        at(0, left(channel, `before ${secret} after`))
        assert.deepStrictEqual(reports, [`${name} is in a ${channel} (test)`])
      }
    }
  })

  it("reports one in the journal, but for the alert as it was sent", () => {
    const { at, reports } = watch(noSecretLeaks)
    at(0, committed("Accepted", planted.annotationPassword), committed("Investigated", planted.annotationPassword))
    assert.deepStrictEqual(reports, ["annotationPassword is in the journal of rem-1 (Investigated)"])
  })

  it("takes text from which they were taken out", () => {
    const { at, reports } = watch(noSecretLeaks)
    at(0, left("prompt", "postgres://app:[redacted:password]@db"), committed("Decided", "nothing"))
    assert.deepStrictEqual(reports, [])
  })

  it("sees in a run prompts, spans and log lines, from which what was planted in logs and annotations is gone", () => {
    const texts = new Map<TextChannel, Array<string>>()
    const { violations } = run({
      seed: 1,
      scenario: { ...Scenario.secrets, durationMs: 5 * 60_000 },
      plan: [{ kind: "error-storm", atMs: 120_000, forMs: 60_000, parameters: { peers: ["holmesgpt"], share: 1, status: 500, probes: false } }],
      onMade: ({ observations }) =>
        observations.listen({ TextLeft: ({ channel, text }) => void texts.set(channel, [...texts.get(channel) ?? [], text]) })
    })
    assert.deepStrictEqual(violations, [])
    const prompts = texts.get("prompt") ?? []
    assert.isAbove(prompts.length, 5)
    assert.isTrue(prompts.some((text) => text.includes("DATABASE_URL=[redacted") || text.includes("postgres://app:[redacted")))
    assert.isTrue(prompts.every((text) => text.includes("postgres://oncall:[redacted:password]")))
    assert.isTrue((texts.get("log") ?? []).some((text) => text.includes("Investigation failed")))
    assert.isTrue((texts.get("span") ?? []).some((text) => text.startsWith("hop holmesgpt")))
  })
})
