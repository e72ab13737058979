/**
 * Finds the fewest and shortest faults with which a run still fails in the same way, so that a person reads three lines
 * instead of fifty.
 *
 * It uses delta debugging (Zeller and Hildebrandt, 2002: `ddmin`) over the list of faults, then shortens each duration.
 * It is deterministic: it tries plans one after the other and takes the first that still fails. The result is
 * _1-minimal_: without any one of its faults the run no longer fails in that way. `complete` is false where the limit
 * of runs was reached before that was known.
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Shrink } from "kubernaut/simulation"
 *
 * const fault = (kind: string, atMs: number) => ({ kind, atMs, forMs: 60_000, parameters: {} })
 * const plan = [fault("storm", 0), fault("crash", 1000), fault("lag", 2000), fault("storm", 3000)]
 * // Fails whenever there is a crash, however short.
 * const fails = (plan: ReadonlyArray<{ readonly kind: string }>) =>
 *   Effect.succeed(plan.some(({ kind }) => kind === "crash"))
 *
 * Effect.runSync(Shrink.shrink(plan, fails)).plan // => [{ kind: "crash", atMs: 1000, forMs: 0, parameters: {} }]
 * ```
 */

import { Effect } from "effect"
import type { FaultPlan } from "../faults/FaultPlan.ts"

/** Options of `shrink`. */
export interface ShrinkOptions {
  /** The maximum number of runs. Default 300: enough for some fifty faults, of which a few matter. */
  readonly limitRuns?: number
  /** Called before each run. */
  readonly onRun?: (runs: number, faults: number) => void
}

/** The result of `shrink`. */
export interface Shrunk {
  /** The smallest plan that was found to fail. */
  readonly plan: FaultPlan
  /** The number of runs that it took. */
  readonly runs: number
  /** No single fault can be removed from the plan. False where `limitRuns` was reached before that was known. */
  readonly complete: boolean
}

const without = <A>(items: ReadonlyArray<A>, from: number, count: number): ReadonlyArray<A> => [
  ...items.slice(0, from),
  ...items.slice(from + count)
]

/**
 * Shrinks `plan`, which is assumed to fail. `fails` runs a plan and returns whether it fails in the same way; its
 * errors are those of `shrink`. The module's comment has an example with a predicate; with the simulator it is:
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Failure, type FaultPlan, Runner, Scenario, Shrink } from "kubernaut/simulation"
 *
 * const runPlan = (plan?: FaultPlan.FaultPlan) =>
 *   Runner.runSeed({ seed: 1, scenario: Scenario.steady, ...(plan === undefined ? {} : { plan }) })
 *
 * const explain = Effect.gen(function* () {
 *   const { failure, plan } = runPlan()
 *   if (failure === undefined) return undefined
 *   return yield* Shrink.shrink(plan, (smaller) =>
 *     Effect.sync(() => Failure.isSame(failure, runPlan(smaller).failure))
 *   )
 * })
 *
 * Effect.runSync(explain) // => undefined
 * ```
 */
export const shrink = Effect.fnUntraced(function* <E, R>(
  plan: FaultPlan,
  fails: (plan: FaultPlan) => Effect.Effect<boolean, E, R>,
  options: ShrinkOptions = {}
) {
  const { limitRuns = 300, onRun } = options
  let runs = 0
  const stillFails = (candidate: FaultPlan): Effect.Effect<boolean, E, R> =>
    Effect.suspend(() => {
      if (runs >= limitRuns) return Effect.succeed(false)
      runs++
      onRun?.(runs, candidate.length)
      return fails(candidate)
    })

  // A bug that needs no fault is common, and found by one run.
  let smallest: FaultPlan = plan.length > 0 && (yield* stillFails([])) ? [] : plan
  let chunk = Math.ceil(smallest.length / 2)
  while (smallest.length > 1 && chunk >= 1) {
    let left = false
    for (let from = 0; from < smallest.length && smallest.length > 1;) {
      const candidate = without(smallest, from, chunk)
      if (candidate.length > 0 && (yield* stillFails(candidate))) {
        smallest = candidate
        left = true
      } else from += chunk
    }
    // One fault at a time, until a whole pass removes nothing.
    if (chunk > 1) chunk = Math.ceil(chunk / 2)
    else if (!left) break
  }
  const complete = runs < limitRuns

  for (let index = 0; index < smallest.length; index++) {
    // From the shortest up, so the first that fails is the shortest.
    const { forMs } = smallest[index]!
    for (const shorterMs of shorterThan(forMs)) {
      const candidate = smallest.map((fault, at) => (at === index ? { ...fault, forMs: shorterMs } : fault))
      if (!(yield* stillFails(candidate))) continue
      smallest = candidate
      break
    }
  }
  return { plan: smallest, runs, complete } satisfies Shrunk
})

/** Shorter durations: 0, then a second, doubled while it is shorter. */
const shorterThan = (forMs: number): ReadonlyArray<number> => {
  const shorter = forMs > 0 ? [0] : []
  for (let ms = 1000; ms < forMs; ms *= 2) shorter.push(ms)
  return shorter
}
