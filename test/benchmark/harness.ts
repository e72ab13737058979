/**
 * Measures several contenders in one process, in alternating turns, so that a busy machine slows all of them equally.
 * Compare ratios, not medians.
 */

/** One line of `--json`. `ratio` is `median` divided by the median of `against`; less than 1 is faster. */
export interface Result {
  readonly benchmark: string
  readonly variant: string
  readonly unit: string
  readonly median: number
  readonly ratio: number
  readonly against: string
}

/** Runs `calls` calls sequentially. */
export type Contender = (calls: number) => Promise<unknown>

export interface Settings {
  /** Calls per turn. */
  readonly calls: number
  /** Measured turns per contender, after 2 turns of warm-up. */
  readonly turns: number
}

const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((left, right) => left - right)
  return sorted[Math.floor(sorted.length / 2)]!
}

const warmUpTurns = 2

/** The median nanoseconds per call of each contender. */
export const measure = async <Name extends string>(
  contenders: Record<Name, Contender>,
  settings: Settings
): Promise<Record<Name, number>> => {
  const names = Object.keys(contenders) as Array<Name>
  const samples = Object.fromEntries(names.map((name) => [name, [] as Array<number>])) as Record<Name, Array<number>>
  for (let turn = 0; turn < warmUpTurns + settings.turns; turn++) {
    for (const name of names) {
      const startedMs = performance.now()
      await contenders[name](settings.calls)
      const perCallNs = ((performance.now() - startedMs) * 1e6) / settings.calls
      if (turn >= warmUpTurns) samples[name].push(perCallNs)
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(samples[name])])) as Record<Name, number>
}

const rounded = (value: number, digits: number): number => Number(value.toPrecision(digits))

/** Compares the first contender with each of the others. */
export const compare = (
  benchmark: string,
  variant: string,
  unit: string,
  medians: Readonly<Record<string, number>>
): ReadonlyArray<Result> => {
  const [own, ...others] = Object.entries(medians)
  return others.map(([against, theirs]) => ({
    benchmark,
    variant,
    unit,
    median: rounded(own![1], 4),
    ratio: rounded(own![1] / theirs, 3),
    against
  }))
}
