/** Sets of time, as spans that may overlap. Pure. */

export interface Span {
  readonly fromMs: number
  readonly toMs: number
}

/** The same time in spans that do not touch each other, in order. */
const merged = (spans: ReadonlyArray<Span>): ReadonlyArray<Span> => {
  const result: Array<Span> = []
  for (const span of spans.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const last = result.at(-1)
    if (last !== undefined && span.fromMs <= last.toMs)
      result[result.length - 1] = { fromMs: last.fromMs, toMs: Math.max(last.toMs, span.toMs) }
    else if (span.toMs > span.fromMs) result.push(span)
  }
  return result
}

/** The length of the union of the spans. */
export const covered = (spans: ReadonlyArray<Span>): number =>
  merged(spans).reduce((total, { fromMs, toMs }) => total + toMs - fromMs, 0)

/** The time of `spans` that is not in `others`. */
export const without = (spans: ReadonlyArray<Span>, others: ReadonlyArray<Span>): ReadonlyArray<Span> => {
  const taken = merged(others)
  return merged(spans).flatMap((span) => {
    const left: Array<Span> = []
    let fromMs = span.fromMs
    for (const other of taken) {
      if (other.toMs <= fromMs || other.fromMs >= span.toMs) continue
      if (other.fromMs > fromMs) left.push({ fromMs, toMs: other.fromMs })
      fromMs = Math.max(fromMs, other.toMs)
    }
    return fromMs < span.toMs ? [...left, { fromMs, toMs: span.toMs }] : left
  })
}
