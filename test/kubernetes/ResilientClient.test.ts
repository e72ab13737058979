import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream, Tracer } from "effect"
import { TestClock } from "effect/testing"
import type { Change } from "../../src/domain/Change.ts"
import {
  KubernetesClient,
  KubernetesError,
  type KubernetesErrorReason,
  type KubernetesObject
} from "../../src/kubernetes/KubernetesClient.ts"
import { classify, wrap } from "../../src/kubernetes/ResilientClient.ts"
import * as Patience from "../../src/resilience/pipeline/Patience.ts"
import { make as makePipeline, type Options } from "../../src/resilience/pipeline/Pipeline.ts"

const ref = { namespace: "shop", kind: "Deployment", name: "checkout" }
const change: Change = { _tag: "Patch", ref, patch: [] }
const object: KubernetesObject = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "checkout", uid: "u", resourceVersion: "1" }
}

const error = (reason: KubernetesErrorReason, applied: KubernetesError["applied"] = "no", retryable = true) =>
  new KubernetesError({ reason, operation: "patch Deployment shop/checkout", applied, retryable })

type Response = Effect.Effect<KubernetesObject, KubernetesError>

/** A client that returns the responses in order and then succeeds, and counts its requests. */
const clientOf = (responses: Array<Response>) => {
  const counter = { calls: 0 }
  const response = Effect.suspend(() => {
    counter.calls++
    return responses.shift() ?? Effect.succeed(object)
  })
  const client = KubernetesClient.of({
    get: () => response,
    list: () => Effect.map(response, (one) => [one]),
    apply: () => response,
    logs: () => Effect.as(response, "logs"),
    watch: () => Stream.fromEffect(Effect.map(response, (one) => ({ type: "ADDED", object: one }) as const)),
    probe: Effect.asVoid(response)
  })
  return { client, counter }
}

const resilient = (responses: Array<Response>, options: Options = {}) => {
  const { client, counter } = clientOf(responses)
  return Effect.map(makePipeline("kubernetes", options), (pipeline) => ({ client: wrap(client, pipeline), counter }))
}

const inTime = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect)
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  })

describe("classify", () => {
  const table: ReadonlyArray<
    readonly [KubernetesErrorReason, breaker: "failure" | "ignored", retryIfRetryable: boolean]
  > = [
    [{ _tag: "Unavailable" }, "failure", true],
    [{ _tag: "TooManyRequests" }, "failure", true],
    [{ _tag: "Timeout" }, "failure", true],
    [{ _tag: "Timeout", isExcused: true }, "ignored", true],
    [{ _tag: "StorageFull" }, "failure", true],
    [{ _tag: "DisruptionBudget" }, "ignored", false],
    [{ _tag: "Conflict" }, "ignored", true],
    [{ _tag: "Forbidden" }, "ignored", true],
    [{ _tag: "NotFound" }, "ignored", true],
    [{ _tag: "Invalid", fields: [] }, "ignored", true],
    [{ _tag: "PolicyDenied" }, "ignored", true],
    [{ _tag: "QuotaExceeded" }, "ignored", true],
    [{ _tag: "Unauthorized" }, "ignored", true]
  ]
  it.each(table)(
    "treats %j as %s for the circuit breaker, and retries it where that is safe: %s",
    (reason, breaker, retried) => {
      assert.strictEqual(classify(error(reason)).breaker, breaker)
      assert.strictEqual(classify(error(reason)).retry, retried)
      assert.isFalse(classify(error(reason, "no", false)).retry)
      assert.isFalse(classify(error(reason, "unknown")).retry)
    }
  )

  it("passes Retry-After on to the pipeline", () => {
    assert.isDefined(classify(error({ _tag: "TooManyRequests", retryAfterMs: 1000 })).retryAfter)
    assert.isUndefined(classify(error({ _tag: "TooManyRequests" })).retryAfter)
  })
})

describe("ResilientClient", () => {
  it.effect("retries a read that failed because the server is unavailable", () =>
    Effect.gen(function* () {
      const { client, counter } = yield* resilient([
        Effect.fail(error({ _tag: "Unavailable" })),
        Effect.fail(error({ _tag: "Unavailable" }))
      ])
      assert.strictEqual((yield* inTime(client.get(ref))).metadata.uid, "u")
      assert.strictEqual(counter.calls, 3)
    })
  )

  it.effect("does not retry a refusal", () =>
    Effect.gen(function* () {
      const { client, counter } = yield* resilient([Effect.fail(error({ _tag: "Forbidden" }, "no", false))])
      assert.strictEqual((yield* Effect.flip(client.apply(change))).reason._tag, "Forbidden")
      assert.strictEqual(counter.calls, 1)
    })
  )

  it.effect("does not retry a write whose outcome is unknown", () =>
    Effect.gen(function* () {
      const { client, counter } = yield* resilient([Effect.fail(error({ _tag: "Timeout" }, "unknown"))])
      const failure = yield* Effect.flip(client.apply(change))
      assert.strictEqual(failure.applied, "unknown")
      assert.strictEqual(counter.calls, 1)
    })
  )

  it.effect("reports a write as unknown if any attempt got no response, although the last one was refused", () =>
    Effect.gen(function* () {
      const { client } = yield* resilient([Effect.never, Effect.fail(error({ _tag: "Forbidden" }, "no", false))], {
        attemptTimeout: "1 second"
      })
      const failure = yield* Effect.flip(inTime(client.apply(change)))
      assert.deepStrictEqual([failure.reason._tag, failure.applied], ["Forbidden", "unknown"])
    })
  )

  it.effect("reports a timed-out write as unknown, and a timed-out read or dry run as not applied", () =>
    Effect.gen(function* () {
      const never = () => resilient([Effect.never, Effect.never], { attemptTimeout: "1 second", retry: false })
      const write = yield* never()
      assert.deepInclude(yield* Effect.flip(inTime(write.client.apply(change))), {
        applied: "unknown",
        reason: { _tag: "Timeout" }
      })
      const dryRun = yield* never()
      assert.deepInclude(yield* Effect.flip(inTime(dryRun.client.apply(change, { dryRun: true }))), {
        applied: "no",
        reason: { _tag: "Timeout" }
      })
      const read = yield* never()
      assert.deepInclude(yield* Effect.flip(inTime(read.client.get(ref))), {
        applied: "no",
        reason: { _tag: "Timeout" }
      })
    })
  )

  it.effect("fails a write with NotNow, and does not send it, while the circuit is open", () =>
    Effect.gen(function* () {
      const failing = Array.from({ length: 5 }, () => Effect.fail(error({ _tag: "Unavailable" }, "no", false)))
      const { client, counter } = yield* resilient(failing)
      for (let call = 0; call < 5; call++) yield* Effect.flip(client.get(ref))
      const failure = yield* Effect.flip(client.apply(change))
      assert.deepStrictEqual([failure.reason._tag, failure.applied, failure.retryable], ["NotNow", "no", true])
      assert.strictEqual(counter.calls, 5)
    })
  )

  it.effect(
    "lets a read wait for an open circuit as long as the work has patience, and a write and a probe not at all",
    () =>
      Effect.gen(function* () {
        const failing = Array.from({ length: 5 }, () => Effect.fail(error({ _tag: "Unavailable" }, "no", false)))
        const { client } = yield* resilient(failing)
        for (let call = 0; call < 5; call++) yield* Effect.flip(client.get(ref))
        const patient = Patience.within("1 minute")
        for (const call of [client.apply(change), client.probe])
          assert.strictEqual((yield* Effect.flip(patient(call))).reason._tag, "NotNow")
        const brief = yield* Effect.forkChild(Effect.flip(Patience.within("20 seconds")(client.list("Pod", {}))))
        const dryRun = yield* Effect.forkChild(patient(client.apply(change, { dryRun: true })))
        const read = yield* Effect.forkChild(patient(client.get(ref)))
        yield* TestClock.adjust("29 seconds")
        assert.strictEqual((yield* Fiber.join(brief)).reason._tag, "NotNow")
        assert.isUndefined(read.pollUnsafe())
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual((yield* Fiber.join(read)).metadata.uid, "u")
        assert.strictEqual((yield* Fiber.join(dryRun))?.metadata.uid, "u")
      })
  )

  it.effect("makes a request of its own for each call that patience makes", () =>
    Effect.gen(function* () {
      let requests = 0
      const { client: far } = clientOf(
        Array.from({ length: 5 }, () => Effect.fail(error({ _tag: "Unavailable" }, "no", false)))
      )
      const client = wrap({ ...far, get: (of) => (requests++, far.get(of)) }, yield* makePipeline("kubernetes", {}))
      for (let call = 0; call < 5; call++) yield* Effect.flip(client.get(ref))
      const before = requests
      const read = yield* Effect.forkChild(Patience.within("1 minute")(client.get(ref)))
      yield* TestClock.adjust("31 seconds")
      yield* Fiber.join(read)
      assert.isAbove(requests - before, 1)
    })
  )

  it.effect("waits for a permit of a full bulkhead, and a write goes first", () =>
    Effect.gen(function* () {
      const order: Array<string> = []
      const slow = (name: string): Response =>
        Effect.andThen(
          Effect.sync(() => order.push(name)),
          Effect.as(Effect.sleep("1 second"), object)
        )
      const client = KubernetesClient.of({
        ...clientOf([]).client,
        get: ({ name }) => slow(name),
        apply: () => slow("write")
      })
      const pipeline = yield* makePipeline("kubernetes", { bulkhead: { limit: 1, maxWaiting: 2, maxWait: "1 second" } })
      const { apply, get } = wrap(client, pipeline)
      const reads = yield* Effect.forkChild(
        Patience.within("1 minute")(
          Effect.forEach(["a", "b", "c", "d", "e"], (name) => get({ ...ref, name }), { concurrency: "unbounded" })
        )
      )
      yield* TestClock.adjust("100 millis")
      const write = yield* Effect.forkChild(apply(change))
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual((yield* Fiber.join(reads)).length, 5)
      assert.strictEqual((yield* Fiber.join(write))?.metadata.uid, "u")
      assert.strictEqual(order[1], "write")
      assert.sameMembers(order, ["write", "a", "b", "c", "d", "e"])
    })
  )

  it.effect("folds the attempts of reads, and gives each write and dry run a span that names it", () =>
    Effect.gen(function* () {
      const spans: Array<Tracer.Span> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        }
      })
      const { client } = yield* resilient([])
      const step = (name: string, ...requests: ReadonlyArray<Effect.Effect<unknown, KubernetesError>>) =>
        Effect.withSpan(Effect.all(requests), name)
      yield* step(
        "reads",
        client.get(ref),
        client.list("Pod", {}),
        client.logs(ref, { tailLines: 1 }),
        client.probe
      ).pipe(
        Effect.andThen(step("writes", client.apply(change, { dryRun: true }), client.apply(change))),
        Effect.withTracer(tracer)
      )
      assert.deepStrictEqual(
        spans.map(({ attributes, name }) => [
          name,
          attributes.get("kubernaut.reads.folded"),
          attributes.get("kubernaut.request")
        ]),
        [
          ["reads", 4, undefined],
          ["writes", undefined, undefined],
          ["attempt", undefined, "patch Deployment shop/checkout"],
          ["attempt", undefined, "patch Deployment shop/checkout"]
        ]
      )
    })
  )

  it.effect("never opens the circuit because of disruption budgets", () =>
    Effect.gen(function* () {
      const { client } = yield* resilient(
        Array.from({ length: 50 }, () => Effect.fail(error({ _tag: "DisruptionBudget" })))
      )
      for (let call = 0; call < 50; call++)
        assert.strictEqual((yield* Effect.flip(client.apply(change))).reason._tag, "DisruptionBudget")
      assert.strictEqual((yield* client.get(ref)).metadata.uid, "u")
    })
  )

  it.effect("sends every request except watches through the pipeline", () =>
    Effect.gen(function* () {
      const failing = Array.from({ length: 5 }, () => Effect.fail(error({ _tag: "Unavailable" }, "no", false)))
      const { client } = yield* resilient(failing)
      for (let call = 0; call < 5; call++) yield* Effect.flip(client.get(ref))
      for (const request of [
        Effect.asVoid(client.get(ref)),
        Effect.asVoid(client.list("Pod", {})),
        Effect.asVoid(client.apply(change)),
        Effect.asVoid(client.logs(ref, { tailLines: 1 })),
        client.probe
      ])
        assert.strictEqual((yield* Effect.flip(request)).reason._tag, "NotNow")
      assert.strictEqual((yield* Stream.runCollect(client.watch("Pod", {}))).length, 1)
    })
  )
})
