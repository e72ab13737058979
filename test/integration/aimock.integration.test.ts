/** The service as its operators configure it, with language models that are not ours, from an alert to its end. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { answer } from "../investigation/fixtures/AimockRows.ts"
import * as Aimock from "../peers/Aimock.ts"
import { exampleAlert, start } from "./Service.ts"

describe("a service with two aimocks as its models", () => {
  it.live("remediates by the answer of the second when the first cuts its stream, and says what that took", () =>
    Effect.gen(function* () {
      const first = yield* Aimock.make()
      first.addFixture({
        match: {},
        response: Aimock.answering("openai", answer),
        truncateAfterChunks: 3,
        latency: 20,
        chunkSize: 10
      })
      const second = yield* Aimock.make()
      const usage = { input_tokens: 1500, output_tokens: 80 }
      second.addFixture({ match: {}, response: { ...Aimock.answering("anthropic", answer), usage } })
      const providers = [
        { name: "first", kind: "openai", url: Aimock.urlFor(first, "openai"), model: "m1", key: "key-1" },
        { name: "second", kind: "anthropic", url: Aimock.urlFor(second, "anthropic"), model: "m2", key: "key-2" }
      ]
      const service = yield* start({ KUBERNAUT_LLM_PROVIDERS: JSON.stringify(providers) })
      const [posted] = yield* service.post(exampleAlert("crash-loop"))
      const record = yield* service.ended(posted!.remediationId!)
      assert.strictEqual(record.state, "Remediated")
      assert.deepStrictEqual(
        record.hops.map(({ attempts, outcome, provider, reason = "" }) => [provider, outcome, reason, attempts]),
        [
          ["first", "failed", "invalid-answer", 1],
          ["second", "answered", "", 1]
        ]
      )
      assert.strictEqual(record.investigation?.rootCause, answer.rootCause)
      assert.strictEqual(record.decision?.action?.type, "RollbackDeployment")
      const [, call] = record.calls ?? []
      assert.deepInclude(call, { provider: "second", basis: "measured", inputTokens: 1500, outputTokens: 80 })
    }).pipe(Effect.scoped)
  )
})
