/**
 * The fewest and shortest faults with which a run still fails in the same way, so that a person reads three lines
 * instead of fifty.
 *
 * Delta debugging (Zeller and Hildebrandt, 2002: `ddmin`) over the list of faults, then halving of each duration. It is
 * deterministic: it runs plans one after the other and takes the first that still fails. What is left is _1-minimal_:
 * with any one fault less the run no longer fails in that way, unless the number of runs was used up before that was
 * known (`complete` says so).
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

export interface ShrinkOptions {
  /** Runs at most. Default 300: enough for some fifty faults, of which a few matter. */
  readonly limitRuns?: number
  /** Called before each run. */
  readonly onRun?: (runs: number, faults: number) => void
}

export interface Shrunk {
  readonly plan: FaultPlan
  /** Runs that it took. */
  readonly runs: number
  /** No single fault can be left out of the plan. False when `limitRuns` came first. */
  readonly complete: boolean
}

const without = <A>(items: ReadonlyArray<A>, from: number, count: number): ReadonlyArray<A> => [
  ...items.slice(0, from),
  ...items.slice(from + count)
]

/** `fails` runs a plan and says whether it fails in the way in question. `plan` itself is taken to fail. */
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

  // A bug that needs no fault at all is common, and known after one run.
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
    // With one fault at a time it goes on until a whole pass leaves nothing out.
    if (chunk > 1) chunk = Math.ceil(chunk / 2)
    else if (!left) break
  }
  const complete = runs < limitRuns

  for (let index = 0; index < smallest.length; index++) {
    // From the shortest up: the first that fails is the shortest of the halvings.
    const { forMs } = smallest[index]!
    for (const shorterMs of halvings(forMs)) {
      const candidate = smallest.map((fault, at) => (at === index ? { ...fault, forMs: shorterMs } : fault))
      if (!(yield* stillFails(candidate))) continue
      smallest = candidate
      break
    }
  }
  return { plan: smallest, runs, complete } satisfies Shrunk
})

/** 0, then a second, doubled as long as it is less. */
const halvings = (forMs: number): ReadonlyArray<number> => {
  const shorter = forMs > 0 ? [0] : []
  for (let ms = 1000; ms < forMs; ms *= 2) shorter.push(ms)
  return shorter
}
