/**
 * The cost of one call through the resilience pipeline, compared with cockatiel, opossum and Effect's own parts. Each
 * is used idiomatically: promises are awaited sequentially, effects run in one fiber.
 *
 * - `success`: the call succeeds at once.
 * - `success-async`: the call suspends for one microtask, like a promise.
 * - `failing`: the call fails at once with an error that is not retried and that the breaker counts, without opening.
 * - `open`: the breaker is open and rejects every call.
 *
 * All have retries, a breaker, a bulkhead of 16 and an attempt timeout of 10 s, except that opossum has no retries.
 * Each library uses its cheapest variant (cockatiel's consecutive breaker and cooperative timeout, opossum without
 * percentiles). The failing call always throws the same error object, so only a library's own errors cost stack traces.
 * Only this pipeline also has a deadline, a retry budget and a rolling window.
 */

import {
  bulkhead,
  circuitBreaker,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleAll,
  handleWhen,
  retry,
  timeout,
  TimeoutStrategy,
  wrap
} from "cockatiel"
import { Effect, Schedule, Semaphore } from "effect"
import { CircuitBreaker as StockBreaker } from "effect/persistence"
// @ts-expect-error opossum has no types, and one use does not justify @types/opossum
import Opossum from "opossum"
import * as Pipeline from "../../src/resilience/pipeline/Pipeline.ts"
import { compare, type Contender, measure, type Result } from "./harness.ts"

const failure = new Error("the peer failed")
const never = 1_000_000_000
const limit = 16
const timeoutMs = 10_000

type Kind = "success" | "success-async" | "failing" | "open"

const effectCall = (kind: Kind): Effect.Effect<number, Error> => {
  switch (kind) {
    case "success":
      return Effect.suspend(() => Effect.succeed(1))
    case "success-async":
      return Effect.promise(() => Promise.resolve(1))
    default:
      return Effect.suspend(() => Effect.fail(failure))
  }
}

const promiseCall = (kind: Kind) => async (): Promise<number> => {
  if (kind === "success") return 1
  if (kind === "success-async") return await Promise.resolve(1)
  throw failure
}

const effectLoop =
  (attempt: Effect.Effect<unknown>): Contender =>
  (calls) => {
    let left = calls
    return Effect.runPromise(
      Effect.whileLoop({
        while: () => left-- > 0,
        body: () => attempt,
        step: () => undefined
      })
    )
  }

const promiseLoop =
  (attempt: () => Promise<unknown>): Contender =>
  async (calls) => {
    for (let call = 0; call < calls; call++) {
      try {
        await attempt()
      } catch {
        // Expected in "failing" and "open".
      }
    }
  }

const kubernaut = async (kind: Kind): Promise<Contender> => {
  const consecutiveFailures = kind === "failing" ? never : 5
  const pipeline = await Effect.runPromise(
    Pipeline.make("benchmark", {
      circuitBreaker: {
        consecutiveFailures,
        openDuration: "1 hour",
        minimumRequests: kind === "failing" ? never : 10
      },
      bulkhead: { limit },
      attemptTimeout: timeoutMs
    })
  )
  const call = effectCall(kind)
  const classify = (): Pipeline.Classification => ({ retry: false, breaker: "failure" })
  const attempt = Effect.exit(Effect.suspend(() => pipeline.execute(call, classify)))
  if (kind === "open") await effectLoop(attempt)(5)
  return effectLoop(attempt)
}

const cockatiel = async (kind: Kind): Promise<Contender> => {
  const transient = handleWhen((error) => error instanceof Error && "transient" in error)
  const policy = wrap(
    retry(transient, { maxAttempts: 4, backoff: new ExponentialBackoff() }),
    circuitBreaker(handleAll, {
      halfOpenAfter: 3_600_000,
      breaker: new ConsecutiveBreaker(kind === "failing" ? never : 5)
    }),
    bulkhead(limit, 64),
    timeout(timeoutMs, TimeoutStrategy.Cooperative)
  )
  const call = promiseCall(kind)
  const attempt = () => policy.execute(call)
  if (kind === "open") await promiseLoop(attempt)(5)
  return promiseLoop(attempt)
}

const opossum = async (kind: Kind): Promise<Contender> => {
  const breaker = new Opossum(promiseCall(kind), {
    timeout: timeoutMs,
    capacity: limit,
    resetTimeout: 3_600_000,
    rollingCountTimeout: 60_000,
    // With percentiles it sorts all latencies of the last minute after each failure.
    rollingPercentilesEnabled: false,
    volumeThreshold: kind === "failing" ? never : 10,
    errorThresholdPercentage: 50
  })
  const attempt = () => breaker.fire()
  if (kind === "open") breaker.open()
  return promiseLoop(attempt)
}

const stock = async (kind: Kind): Promise<Contender> => {
  const breaker = await Effect.runPromise(
    StockBreaker.make({
      tripPolicy: StockBreaker.consecutive(kind === "failing" ? never : 5),
      openDuration: "1 hour"
    }).pipe(Effect.scoped, Effect.provide(StockBreaker.layerStoreMemory()))
  )
  const semaphore = Semaphore.makeUnsafe(limit)
  const attempt = effectCall(kind).pipe(
    Effect.timeout(timeoutMs),
    semaphore.withPermit,
    breaker.execute({ key: "benchmark" }),
    Effect.retry({
      schedule: Schedule.exponential("100 millis"),
      times: 4,
      while: (error) => error instanceof Error && "transient" in error
    }),
    Effect.exit
  )
  if (kind === "open") await effectLoop(attempt)(5)
  return effectLoop(attempt)
}

export async function* run(): AsyncGenerator<Result> {
  for (const kind of ["success", "success-async", "failing", "open"] as const) {
    const medians = await measure(
      {
        kubernaut: await kubernaut(kind),
        cockatiel: await cockatiel(kind),
        opossum: await opossum(kind),
        effect: await stock(kind)
      },
      { calls: kind === "success-async" ? 5_000 : 10_000, turns: 15 }
    )
    yield* compare("pipeline", kind, "ns/call", medians)
  }
}
