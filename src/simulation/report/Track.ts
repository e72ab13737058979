/** Spans, and how they are arranged in rows. */

import type { Row, Span } from "./Timeline.ts"

/** The spans of one subject that is in one state after another. */
export class Track {
  private readonly past: Array<Span> = []
  private current: Omit<Span, "toMs"> | undefined

  /** Ends the current state and enters the next; without one, the subject is in no state. */
  move(atMs: number, next: Omit<Span, "toMs" | "fromMs"> | undefined): void {
    // A state that is left in the moment in which it was entered is not visible.
    if (this.current !== undefined && atMs > this.current.fromMs) this.past.push({ ...this.current, toMs: atMs })
    this.current = next === undefined ? undefined : { ...next, fromMs: atMs }
  }

  /** Ends the current state, and marks a moment. */
  point(atMs: number, point: Omit<Span, "toMs" | "fromMs">): void {
    this.move(atMs, undefined)
    this.past.push({ ...point, fromMs: atMs, toMs: atMs })
  }

  /** Its spans until now. The current state ends here. */
  spansUntil(nowMs: number): ReadonlyArray<Span> {
    if (this.current !== undefined) this.move(nowMs, undefined)
    return this.past
  }
}

/** The value of a key, made where it is missing. */
export const getOrMake = <K, A>(map: Map<K, A>, key: K, make: () => A): A => {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}

export const byName = new Intl.Collator("en", { numeric: true })

/** A row for each track that has spans, by name. */
export const rowsOf = (tracks: Iterable<readonly [string, Track]>, nowMs: number): ReadonlyArray<Row> =>
  [...tracks]
    .map(([label, track]) => ({ label, spans: track.spansUntil(nowMs) }))
    .filter(({ spans }) => spans.length > 0)
    .toSorted((a, b) => byName.compare(a.label, b.label))

const rowsLabelled = (label: string, rows: ReadonlyArray<ReadonlyArray<Span>>): ReadonlyArray<Row> =>
  rows.map((spans, index) => ({ label: index === 0 ? label : "", spans }))

/** Arranges spans that may overlap in as few rows as possible. */
export const pack = (label: string, spans: ReadonlyArray<Span>): ReadonlyArray<Row> =>
  rowsLabelled(
    label,
    fit(
      spans.map((span) => [span]),
      0
    )
  )

/** Arranges groups of spans side by side: the spans of one group stay in one row. */
export const packGroups = (label: string, groups: ReadonlyArray<ReadonlyArray<Span>>): ReadonlyArray<Row> =>
  // The gap keeps the end of one group apart from the beginning of the next.
  rowsLabelled(
    label,
    fit(
      groups.filter((spans) => spans.length > 0),
      1001
    )
  )

const fit = (groups: ReadonlyArray<ReadonlyArray<Span>>, gapMs: number): ReadonlyArray<ReadonlyArray<Span>> => {
  const rows: Array<Array<Span>> = []
  for (const group of groups.toSorted((a, b) => a[0]!.fromMs - b[0]!.fromMs)) {
    const free = rows.find((row) => row.at(-1)!.toMs + gapMs <= group[0]!.fromMs)
    if (free === undefined) rows.push([...group])
    else free.push(...group)
  }
  return rows
}
