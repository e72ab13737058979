/**
 * Tells what stays of the text between the lines of a private key.
 *
 * **Details**
 *
 * A log has rows of identifiers that look like lines of a key. So only the runs go, and what is around them stays,
 * unless it has no other words than what is around the end of the key. A row that is none of a key then costs its
 * identifiers, and no line of the log.
 *
 * Takes linear time: of each line, a bounded number of runs is compared.
 */

import { isKeyLine, isRest, type Line, linesOf, type Run, runsIn, withoutColours } from "./KeyLines.ts"
import { differences, isOneVaried, shortestWidth, type Surroundings, usualWidth, wordsOf } from "./KeyRows.ts"

/** Characters of the whole text that go. */
interface Span {
  readonly start: number
  readonly end: number
}

/** The checksum of PGP. */
export const checksum = /^=[A-Za-z0-9+/]{4}$/

/** The escaped padding of mail. */
const padding = /^(?:=?3D){1,2}/

/** The runs of a line that are compared, from both of its ends. */
const mostRuns = 4

const isWithin = (line: Line, place: number): boolean => line.start <= place && place <= line.start + line.text.length

/** The name of a fault, or of another class. */
const className = /^(?:[A-Za-z][a-z]+)(?:[A-Z][a-z]+)*$|(?:Error|Exception|Failure)$/

const isRestOfKey = (run: Run): boolean => run.isPadded || (isRest(run) && !className.test(run.text))

/** Whether the line is nothing but one run, which a checksum may follow, and marks. */
const isAlone = (line: Line, runs: ReadonlyArray<Run>): boolean => {
  const [run, sum] = runs
  if (run === undefined || runs.length > 2) return false
  const isGlued = sum === undefined || (sum.start === run.end && sum.text.length <= 4 && isKeyLine(run))
  const outer = line.text.slice(0, run.start - line.start) + line.text.slice((sum ?? run).end - line.start)
  return isGlued && !/[\p{L}\p{N}]/u.test(outer)
}

/** In lines. Between the first or the last whole line of a key and its end may be so many pieces of broken ones. */
const mostBroken = 3

/** Where the last piece of the key may end. It is never in the line of the end: that one may be a sentence. */
const endOf = (lines: ReadonlyArray<Line>, found: ReadonlyArray<Run>): number => {
  const end = found.reduce((most, run) => Math.max(most, run.end), 0)
  const own = lines.at(-1)
  const behind = lines.filter((line) => line.start > end)
  return own === undefined || behind.length > mostBroken + 1 ? end : Math.max(end, own.start)
}

/**
 * The other lines of the key behind its first one: those of the same width, whatever is around them, and the pieces of
 * those that a shipper, a terminal or another thread broke.
 */
const othersIn = (lines: ReadonlyArray<Line>, found: ReadonlyArray<Run>, start: number): ReadonlyArray<Run> => {
  const lengths = found.map(({ text }) => text.length)
  const widths = new Set(lengths.filter((length) => length >= shortestWidth))
  const longest = lengths.reduce((left, right) => Math.max(left, right), 0)
  const end = endOf(lines, found)
  return lines.flatMap((line) => {
    const runs = runsIn(line)
    const isRestAlone = isAlone(line, runs) && isRestOfKey(runs[0]!)
    return runs.filter((run) => {
      const { length } = run.text
      const isPiece = run.end <= end && length <= longest && isRestOfKey(run)
      const isLine = isKeyLine(run) && (widths.has(length) || isPiece)
      return run.start >= start && (isLine || (isRestAlone && length <= longest))
    })
  })
}

/** Where the key begins. Before a line that was found may be one as wide, with something else around it. */
const startOf = (lines: ReadonlyArray<Line>, found: ReadonlyArray<Run>): number => {
  const widths = new Set(found.map(({ text }) => text.length).filter((length) => length >= usualWidth))
  const start = found.reduce((least, run) => Math.min(least, run.start), Infinity)
  const index = lines.findIndex((line) => isWithin(line, start))
  const before = lines.slice(Math.max(0, index - mostBroken), index).flatMap((line) => runsIn(withoutColours(line)))
  return before.find((run) => widths.has(run.text.length) && isKeyLine(run))?.start ?? start
}

const isSame = (left: ReadonlyArray<string>, right: ReadonlyArray<string>): boolean => differences(left, right) === 0

const changesOf = (left: ReadonlyArray<string>, right: ReadonlyArray<string>): number =>
  differences(left, right) ?? (isOneVaried(left, right) ? 1 : Infinity)

/**
 * The last line of the key, and its checksum, behind its last whole line: what is around that one is around them. A row
 * of no key may be before the message of a fault, so a name is none.
 */
const restsBehind = (lines: ReadonlyArray<Line>, last: Run): ReadonlyArray<Span> => {
  const index = lines.findIndex((line) => isWithin(line, last.start))
  const own = lines[index]
  if (own === undefined) return []
  const before = wordsOf(own.text.slice(0, last.start - own.start))
  const after = wordsOf(own.text.slice(last.end - own.start))
  return lines.slice(index + 1, -1).flatMap((line) => {
    const runs = runsIn(line)
    const compared = runs.length > 2 * mostRuns ? [...runs.slice(0, mostRuns), ...runs.slice(-mostRuns)] : runs
    return compared.flatMap((run) => {
      const [from, to] = [run.start - line.start, run.end - line.start]
      const isSum = checksum.test(line.text.slice(from - 1, to))
      if (!(isSum || (run.text.length <= last.text.length && isRestOfKey(run)))) return []
      const isOther =
        changesOf(wordsOf(line.text.slice(0, from)), before) + changesOf(wordsOf(line.text.slice(to)), after) > 1
      return isOther ? [] : [{ start: isSum ? run.start - 1 : run.start, end: run.end }]
    })
  })
}

/** The spans in the order of the text, with those as one that have characters in common. */
const joined = (spans: ReadonlyArray<Span>): ReadonlyArray<Span> => {
  const all: Array<Span> = []
  for (const { end, start } of spans.toSorted((left, right) => left.start - right.start)) {
    const last = all.at(-1)
    if (last === undefined || start >= last.end) all.push({ start, end })
    else all[all.length - 1] = { start: last.start, end: Math.max(last.end, end) }
  }
  return all
}

const wordsIn = (gap: string): ReadonlyArray<string> =>
  wordsOf(
    linesOf(gap.replace(padding, ""), 0)
      .filter(({ text }) => !checksum.test(text.trim()))
      .map(({ text }) => text)
      .join("\n")
  )

/** What is before the span in its line. */
const wordsBefore = (lines: ReadonlyArray<Line>, span: Span): ReadonlyArray<string> => {
  const line = lines.find((each) => isWithin(each, span.start))
  return line === undefined ? [] : wordsOf(line.text.slice(0, span.start - line.start))
}

/** A key without its first line. */
export interface HeadlessKey {
  /** Of the whole text, up to the mark of the end. */
  readonly lines: ReadonlyArray<Line>
  /** At least one. */
  readonly found: ReadonlyArray<Run>
  readonly end: Surroundings
  readonly mark: string
}

/** Where the first run of a key begins, and what stays from there to the end of the key. */
export const withoutRuns = (
  text: string,
  to: number,
  { end, found, lines: all, mark }: HeadlessKey
): { readonly start: number; readonly rest: string } => {
  const start = startOf(all, found)
  const lines = all.filter((line) => line.start + line.text.length >= start).map(withoutColours)
  const runs = [...found, ...othersIn(lines, found, start)]
  const last = runs.reduce((left, right) => (right.end > left.end ? right : left))
  const spans = joined([...runs, ...restsBehind(lines, last)])
  const around = wordsOf(`${end.after}\n${end.before}`)
  const rest = spans.map((span, index) => {
    const next = spans[index + 1]
    const gap = text.slice(span.end, next?.start ?? to)
    const words = wordsIn(gap)
    // What is before the end may be a sentence, which tells more than what is before the last run.
    const isFrame =
      isSame(words, around) && (next !== undefined || isSame(wordsBefore(lines, span), wordsOf(end.before)))
    return words.length === 0 || isFrame ? "" : gap + mark
  })
  return { start, rest: mark + rest.join("") }
}
