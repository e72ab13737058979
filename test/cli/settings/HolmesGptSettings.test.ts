import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, FileSystem, Result } from "effect"
import { prepare } from "../../../src/cli/commands/Serve.ts"
import { parse } from "../../../src/cli/settings/Configuration.ts"

const read = (environment: Record<string, string>) => parse({ environment, terminal: false })
const problems = (environment: Record<string, string>) => {
  const result = read(environment)
  return Result.isFailure(result) ? result.failure.problems : []
}

const url = { KUBERNAUT_HOLMESGPT_URL: "http://h:5050" }
const file = { KUBERNAUT_HOLMESGPT_API_KEY_FILE: "/run/secrets/holmesgpt" }
const key = { KUBERNAUT_HOLMESGPT_API_KEY: "k3y" }

describe("HolmesGPT's settings", () => {
  it("take the key from one place, a setting or a file, and only with the address", () => {
    assert.deepStrictEqual(problems({ ...url, ...file }), [])
    const [both] = problems({ ...url, ...file, ...key })
    assert.deepInclude(both, { key: "KUBERNAUT_HOLMESGPT_API_KEY_FILE" })
    assert.match(both?.message ?? "", /together with KUBERNAUT_HOLMESGPT_API_KEY/)
    for (const alone of [file, key]) assert.deepInclude(problems(alone)[0], { key: "KUBERNAUT_HOLMESGPT_URL" })
  })

  it("have a time for a first sign, which is more than zero", () => {
    const given = Result.getOrThrow(read({ ...url, KUBERNAUT_HOLMESGPT_FIRST_SIGN: "1 minute" }))
    assert.strictEqual(Duration.toMillis(given.holmesgptFirstSign), 60_000)
    assert.lengthOf(problems({ ...url, KUBERNAUT_HOLMESGPT_FIRST_SIGN: "0 seconds" }), 1)
  })

  it.effect("stop the start if the file of the key has none, and name the setting", () =>
    Effect.gen(function* () {
      const settings = Result.getOrThrow(read({ ...url, ...file }))
      const prepared = (text: string) =>
        Effect.provide(prepare(settings), FileSystem.layerNoop({ readFileString: () => Effect.succeed(text) }))
      const error = yield* Effect.flip(prepared("\n"))
      assert.include(error.message, "KUBERNAUT_HOLMESGPT_API_KEY_FILE")
      assert.strictEqual((yield* prepared("k3y\n")).settings, settings)
    })
  )
})

describe("the settings of hedging", () => {
  const both = {
    ...url,
    KUBERNAUT_LLM_PROVIDERS: JSON.stringify([{ name: "main", kind: "openai", model: "m", key: "k" }])
  }
  const after = { KUBERNAUT_HEDGE_AFTER: "5 seconds" }

  it("are off by default, and have a deadline of 30 seconds", () => {
    const given = Result.getOrThrow(read(both))
    assert.isUndefined(given.hedgeAfter)
    assert.strictEqual(Duration.toMillis(given.hedgeDeadline), 30_000)
  })

  it("need HolmesGPT and a provider to ask beside it", () => {
    assert.deepStrictEqual(problems({ ...both, ...after }), [])
    assert.deepInclude(problems({ ...url, ...after })[0], { key: "KUBERNAUT_LLM_PROVIDERS" })
    assert.deepInclude(problems({ ...both, ...after, KUBERNAUT_HOLMESGPT_URL: "" })[0], {
      key: "KUBERNAUT_HOLMESGPT_URL"
    })
  })

  it("refuse a hedge that could only begin after the deadline of the decision", () => {
    const [late] = problems({ ...both, KUBERNAUT_HEDGE_AFTER: "30 seconds" })
    assert.deepInclude(late, { key: "KUBERNAUT_HEDGE_AFTER" })
    assert.deepStrictEqual(
      problems({ ...both, KUBERNAUT_HEDGE_AFTER: "30 seconds", KUBERNAUT_HEDGE_DEADLINE: "1 minute" }),
      []
    )
  })
})
