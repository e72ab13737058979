import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Ref } from "effect"
import { TestClock } from "effect/testing"
import { KubernetesClient } from "../../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../../src/kubernetes/Sandbox.ts"
import * as FaultInjection from "../../../src/simulation/injection/FaultInjection.ts"
import { AuditLog } from "../../../src/storage/AuditLog.ts"
import { StorageError } from "../../../src/storage/StorageError.ts"

interface Line {
  readonly kind: string
  readonly subject: string
  readonly data: Readonly<Record<string, unknown>>
}

const audit = (lines: Array<Line>, fails: () => boolean = () => false) =>
  Layer.mock(AuditLog, {
    record: (line) =>
      Effect.suspend(() => {
        if (fails())
          return Effect.fail(
            new StorageError({ reason: "unavailable", operation: "record", retryable: true, committed: "no" })
          )
        lines.push(line as never)
        return Effect.succeed(line as never)
      })
  })

const share = { share: 1 }

const setUp = (requested: FaultInjection.Options["requested"], seed = 1) =>
  Effect.gen(function* () {
    const injection = yield* FaultInjection.make({ requested, seed, models: [] })
    const client = injection.cluster(yield* KubernetesClient)
    return {
      injection,
      answer: Effect.match(client.probe, { onFailure: ({ reason }) => reason._tag, onSuccess: () => "well" })
    }
  })

describe("FaultInjection", () => {
  it.effect("keeps a fault with parameters active from the start of run to its end, and audits its beginning", () =>
    Effect.gen(function* () {
      const lines: Array<Line> = []
      const { answer, injection } = yield* setUp([{ kind: "kubernetes-unauthorized", parameters: share }])
      assert.strictEqual(yield* answer, "well")
      const fiber = yield* Effect.forkChild(Effect.provide(injection.run, audit(lines)))
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* answer, "Unauthorized")
      assert.match(
        yield* injection.describe,
        /on purpose \(kubernetes-unauthorized; seed 1\); now kubernetes-unauthorized \{"share":1\}/
      )
      assert.deepStrictEqual(
        lines.map(({ data, kind, subject }) => ({ kind, subject, share: data["parameters"] })),
        [{ kind: "fault.began", subject: "kubernetes-unauthorized", share }]
      )
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* answer, "well")
      assert.match(yield* injection.describe, /now none$/)
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("begins and heals a kind given by name again and again, with the same parameters for the same seed", () =>
    Effect.gen(function* () {
      const auditOf = (seed: number) =>
        Effect.gen(function* () {
          const lines: Array<Line> = []
          const { injection } = yield* setUp(["kubernetes-unavailable"], seed)
          const fiber = yield* Effect.forkChild(Effect.provide(injection.run, audit(lines)))
          yield* TestClock.adjust("2 hours")
          yield* Fiber.interrupt(fiber)
          return lines.map(({ data, kind }) => `${kind} ${JSON.stringify(data)}`)
        })
      const lines = yield* auditOf(3)
      assert.isAbove(lines.length, 8)
      assert.isTrue(lines.every((line, index) => line.startsWith(index % 2 === 0 ? "fault.began" : "fault.healed")))
      assert.isAbove(new Set(lines).size, 4)
      assert.deepStrictEqual(yield* auditOf(3), lines)
      assert.notDeepEqual(yield* auditOf(4), lines)
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("injects nothing while the audit log cannot be written", () =>
    Effect.gen(function* () {
      const lines: Array<Line> = []
      const broken = yield* Ref.make(true)
      const { answer, injection } = yield* setUp([{ kind: "kubernetes-unauthorized", parameters: share }])
      yield* Effect.forkChild(
        Effect.provide(
          injection.run,
          audit(lines, () => Ref.getUnsafe(broken))
        )
      )
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* answer, "well")
      yield* Ref.set(broken, false)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* answer, "Unauthorized")
    }).pipe(Effect.provide(Sandbox.layer()))
  )
})
