import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Random } from "effect"
import type { Action } from "../../src/domain/Action.ts"
import { Executor, layer as executorLayer } from "../../src/execution/Executor.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { layer, script, writesOf } from "./faults.ts"

const checkout = { namespace: "shop", kind: "Deployment", name: "checkout" }

describe("CollectDiagnostics", () => {
  const action: Action = { type: "CollectDiagnostics", target: checkout }
  const collected = Effect.gen(function* () {
    const executor = yield* Executor
    const intent = yield* executor.plan({
      action,
      target: { cluster: "test", ...checkout },
      remediationId: "r1",
      executionId: "r1-1",
      epoch: 1
    })
    return yield* executor.execute(intent, { holds: Effect.succeed(true) })
  })

  it.effect(
    "describes why the target's pods are not ready, writes nothing, and omits logs and event messages without a redaction",
    () => {
      const faults = script()
      return Effect.gen(function* () {
        const outcome = yield* collected
        assert.strictEqual(outcome.applied, "no")
        assert.isUndefined(outcome.failure)
        assert.match(outcome.message ?? "", /^Deployment shop\/checkout: 3 of 4 ready/)
        assert.include(outcome.message, "CrashLoopBackOff")
        assert.include(outcome.message, "event Pod checkout-")
        assert.notInclude(outcome.message, "panic")
        assert.notInclude(outcome.message, "Back-off restarting failed container")
        assert.deepStrictEqual(writesOf(faults), [])
      }).pipe(Effect.provide(layer(faults)))
    }
  )

  it.effect("includes redacted logs if there is a redaction", () =>
    Effect.gen(function* () {
      const outcome = yield* collected
      assert.include(outcome.message, "panic: schema version 41 is older than required version 42")
      assert.notInclude(outcome.message, "Hn7-quiet-otter")
    }).pipe(Effect.provide(layer(script(), { redact: (text) => text.replaceAll("Hn7-quiet-otter", "[redacted]") })))
  )

  it.effect("includes redacted event messages if there is a redaction", () =>
    Effect.gen(function* () {
      const outcome = yield* collected
      assert.match(
        outcome.message ?? "",
        /event Pod checkout-\S+ BackOff ×\d+: Back-off restarting \[redacted\] container/
      )
    }).pipe(Effect.provide(layer(script(), { redact: (text) => text.replaceAll("failed", "[redacted]") })))
  )

  it.effect("cuts its text to about 8,000 characters", () =>
    Effect.gen(function* () {
      const outcome = yield* collected
      assert.isBelow(outcome.message?.length ?? 0, 8100)
      assert.match(outcome.message ?? "", /… \(cut\)$/)
    }).pipe(Effect.provide(layer(script(), { redact: () => "x".repeat(20_000) })))
  )

  it.effect("redacts of a log only its last whole lines, of 16,000 characters at most", () => {
    const redacted: Array<string> = []
    const outcomeOf = (log: string) => {
      const client = Effect.map(Sandbox.make({}), (sandbox) => ({ ...sandbox, logs: () => Effect.succeed(log) }))
      return collected.pipe(
        Effect.provide(
          executorLayer({ redact: (text) => (redacted.push(text), text) }).pipe(
            Layer.provideMerge(Layer.effect(KubernetesClient, client.pipe(Random.withSeed("execution"))))
          )
        )
      )
    }
    return Effect.gen(function* () {
      const line = "goroutine 17 [running]: main.main()\n"
      const outcome = yield* outcomeOf(`${"x".repeat(1_000_000)}\n${line.repeat(1000)}`)
      assert.include(outcome.message, `:\n… (cut)\n${line}`)
      assert.include(redacted, `… (cut)\n${line.repeat(16_000 / line.length)}`)
      redacted.length = 0
      yield* outcomeOf("x".repeat(1_000_000))
      assert.include(redacted, "… (cut)\n")
      assert.isBelow(Math.max(...redacted.map(({ length }) => length)), 16_100)
    })
  })

  it.effect("reports the code of the failure if the events can't be read", () => {
    const faults = script({ eventLists: [{ _tag: "Forbidden" }] })
    return Effect.gen(function* () {
      const outcome = yield* collected
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["no", "forbidden"])
    }).pipe(Effect.provide(layer(faults)))
  })
})
