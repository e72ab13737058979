import { assert, describe, it } from "@effect/vitest"
import { Duration, Result } from "effect"
import { parse } from "../../../src/cli/settings/Configuration.ts"
import { shown } from "../../../src/cli/settings/Settings.ts"

/** The one provider with these fields, or the error about them. */
const provider = (fields: string) =>
  Result.map(
    parse({
      environment: { KUBERNAUT_LLM_PROVIDERS: `[{"name":"a","kind":"openai","model":"m",${fields}}]` },
      terminal: false
    }),
    ({ llmProviders }) => llmProviders[0]!
  )

describe("the settings of an LLM provider", () => {
  it("say how long it may say nothing, and how large its context window is", () => {
    const found = Result.getOrThrow(provider(`"firstSign":"2 minutes","contextTokens":32768`))
    assert.strictEqual(Duration.toMillis(found.firstSign!), 120_000)
    assert.strictEqual(found.contextTokens, 32_768)
    assert.deepStrictEqual(shown(found), {
      name: "a",
      kind: "openai",
      model: "m",
      firstSign: "2 minutes",
      contextTokens: 32_768
    })
  })

  it("are refused if it may not say nothing at all, or has no room for a question", () => {
    for (const wrong of [`"firstSign":"0 seconds"`, `"firstSign":"soon"`, `"contextTokens":1`])
      assert.isTrue(Result.isFailure(provider(wrong)), wrong)
  })
})
