/**
 * Finds the lines of a private key by each other, where what is around them is not quite what is around its end: an
 * excerpt marks the line of the end, or a logger gives it another level.
 *
 * **Details**
 *
 * A row is at least two different runs of one width. A log has rows of identifiers too. So the row must be alone in its
 * lines, or have around it what is around the end, or be the words of one line. There may be one other word around a
 * line that is as wide as those of a key: few identifiers are.
 *
 * Takes linear time: each line is read once, and compared with the end a bounded number of times.
 */

import {
  isKeyLine,
  isRest,
  type Line,
  longestGlued,
  type Run,
  runsIn,
  withoutColours,
  withoutEmpty
} from "./KeyLines.ts"

/** What is around the end of a key. */
export interface Surroundings {
  readonly before: string
  readonly after: string
  /** Whether the text ends before the end of `after` is certain. */
  readonly isCut: boolean
}

/** Runs of one line, with nothing but a joint between them. Only the first and the last one may be shorter. */
interface Row {
  readonly runs: ReadonlyArray<Run>
  /** Of the longest run, and how many have it. */
  readonly width: number
  readonly count: number
  /** In characters. What is before it in its line. */
  readonly indent: number
  readonly before: ReadonlyArray<string>
  readonly after: ReadonlyArray<string>
  readonly name: string
}

/** In characters. Only the last line of a key is shorter than this. */
export const shortestWidth = 32

/** In characters. A shorter last line tells nothing about a key. */
const shortestLast = 16

/** In characters. Tools break keys into lines of 60, 64, 70 or 76. */
export const usualWidth = 60

/** In characters. No identifier is as long, and the whole of a small key is. */
const longWidth = 100

/** In characters. What is between the lines of a key in one line: a space, or quotes and a comma. */
export const longestJoint = 12

/** Runs of one line that are alone tell that it is a row, whatever is around it. */
const fewestWords = 3

/** Between two lines of a key there are at most so many lines of other threads, if they are longer than a gap. */
const mostLines = 6

/** In characters. The same, if they are shorter. */
const longestGap = 300

/** The rows of a line that are compared with the end. */
const mostRows = 4

const words = /[\p{L}\p{N}][\p{L}\p{N}_.-]*/gu

/** What a logger may put in the place of another one: its level, its stream, and whether a line is a part. */
const levels = /^(?:trace|debug|info|notice|warn|warning|error|err|fatal|critical|stdout|stderr|[EWIDFTNP])$/i

const base64 = "(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)"

/** Identifiers in base64, which the padding tells from the names of values: `+` and `/` would make any words of them. */
const padded = new RegExp(`(?<=["'\`])${base64}(?=\\\\{0,7}["'\`])|(?<=^|[\\s=:,;([{])${base64}(?=[\\s,;)\\]}]|$)`, "g")

/** Times, numbers and identifiers differ between the lines of one message. Some of them are one word, others two. */
export const wordsOf = (text: string): ReadonlyArray<string> => {
  const shapes: Array<string> = []
  for (const [found] of text.replace(padded, "0").matchAll(words)) {
    const word = found.replace(/[-._]{1,20}$/, "")
    const isLevel = levels.test(word)
    const isVaried = /\d/.test(word) || /^[\da-f]+$/i.test(word) || (word.length >= 8 && /[a-z][A-Z]/.test(word))
    if (isLevel) shapes.push("level")
    else if (!isVaried) shapes.push(word)
    else if (shapes.at(-1) !== "0") shapes.push("0")
  }
  return shapes
}

/** The name of the value that begins behind this text: of a field of JSON, or behind an equals sign. Else its quote. */
const nameOf = (text: string): string => {
  const near = text.slice(-100)
  const named = /([\w.-]{1,60})(?:\\{0,7}["']\s?:\s?\\{0,7}["']|=\\{0,7}["']?)$/.exec(near)?.[1]
  return named ?? /["'`]?$/.exec(near)?.[0] ?? ""
}

/** How many words are others. Undefined if one has more words, or a number is in the place of a name. */
export const differences = (left: ReadonlyArray<string>, right: ReadonlyArray<string>): number | undefined => {
  if (left.length !== right.length) return undefined
  const others = left.flatMap((word, index) => (word === right[index] ? [] : [[word, right[index]]]))
  return others.some((pair) => pair.includes("0")) ? undefined : others.length
}

/**
 * The same of so many words at their start. Many lines are compared with the same long one, so a short one ends at
 * once.
 */
const startDifferences = (left: ReadonlyArray<string>, right: ReadonlyArray<string>, count: number) =>
  left.length < count ? undefined : differences(left.slice(0, count), right.slice(0, count))

/** In words. Beside the one that varies, numbers may be in one of two and not in the other. */
const mostOthers = 4

/** How many words both have at their start. */
const commonOf = (left: ReadonlyArray<string>, right: ReadonlyArray<string>): number => {
  const other = left.findIndex((word, index) => word !== right[index])
  return other === -1 ? left.length : other
}

const isName = (word: string): boolean => word !== "0"

/** Whether this word, of those that are no numbers, is beside a number. */
const isBesideNumber = (all: ReadonlyArray<string>, index: number): boolean => {
  const at = [...all.keys()].filter((key) => isName(all[key]!))[index]!
  return all[at - 1] === "0" || all[at + 1] === "0"
}

/**
 * Whether they are the same but for numbers, and one word that is in the place of a number, or beside it: a random
 * identifier may have no digit, and one thread has a number that another one does not.
 */
export const isOneVaried = (left: ReadonlyArray<string>, right: ReadonlyArray<string>): boolean => {
  // Many lines are compared with the same long one.
  if (Math.abs(left.length - right.length) > mostOthers) return false
  const [short, long] = left.filter(isName).length < right.filter(isName).length ? [left, right] : [right, left]
  const [few, many] = [short.filter(isName), long.filter(isName)]
  const start = commonOf(few, many)
  const behind = commonOf(few.slice(start).toReversed(), many.slice(start).toReversed())
  if (many.length - few.length > 1 || start + behind < few.length) return false
  if (many.length === few.length) return true
  const isVaried = isBesideNumber(long, start) || short[long.indexOf(many[start]!)] === "0"
  // Without a word that both have, both begin with a time.
  return isVaried && (few.length > 0 || left[0] === right[0])
}

/** Whether what is around the row is around the end. If the row `isNext` to the end, it may be shorter. */
const isSimilar = (row: Row, end: Row, isCut: boolean, isNext: boolean): boolean => {
  const known = isCut ? Math.max(0, end.after.length - 1) : end.after.length
  const before = differences(row.before, end.before)
  const after = isCut ? startDifferences(row.after, end.after, known) : differences(row.after, end.after)
  if (row.name !== end.name) return false
  if (before === 0 && row.after.length === 0) return true
  // What is around an identifier in the middle of a line is not known to be around an end that the text ends behind.
  const isKnown = !(isCut && known === 0 && row.after.length > 0)
  const mostDifferent = row.width >= usualWidth && isKnown ? 1 : 0
  if (before !== undefined && after !== undefined && before + after <= mostDifferent) return true
  return after === 0 && isKnown && (isNext || row.width >= usualWidth) && isOneVaried(row.before, end.before)
}

/** In characters. What a cut within a line may leave before its run. */
const longestLeftOver = 5

/** Whether the word may be what a cut has left of the other one. */
const isPartOf = (word: string, whole: string | undefined): boolean =>
  whole !== undefined
  && (word === whole || whole.endsWith(word) || whole === "0" || (whole === "level" && word.length <= 5))

/** Whether a cut may have left this of what is around the end. */
const isCutLike = (row: Row, end: Row): boolean => {
  const [first, ...others] = row.before
  const known = end.before.slice(end.before.length - others.length)
  const isSuffix = others.length <= end.before.length && differences(others, known) === 0
  const isName = row.name === end.name || (row.before.length === 0 && row.indent <= longestLeftOver)
  return (
    row.width >= shortestLast
    && isName
    && (first === undefined || (isSuffix && isPartOf(first, end.before.at(-others.length - 1))))
    && (row.after.length === 0 || differences(row.after, end.after) === 0)
  )
}

const isBare = ({ after, before }: Row): boolean => before.length === 0 && after.length === 0

/** Whether the row is one of a key, whatever is around it. */
const isAlone = ({ count, width }: Row): boolean => count >= fewestWords || width >= longWidth

/** Whether the row may be compared with another one. */
const isFull = ({ runs, width }: Row): boolean =>
  width >= longWidth
  || (width >= shortestWidth && runs.some(({ isPadded, text }) => !isPadded && text.length === width))

/** Not the mark within an identifier or a token. */
const joint = new RegExp(`^(?![-_.:~]$)[^A-Za-z0-9]{1,${longestJoint}}$`)

/** Without the checksum of PGP, and the escaped padding of mail. The first `=` may be part of the run. */
const withoutChecksum = (text: string, isPadded: boolean): string =>
  text
    .replace(isPadded ? /^(?:=?3D){1,2}/ : /^=3D(?:=3D)?/, "")
    .replace(isPadded ? /^\W{0,12}=?[A-Za-z0-9+/]{4}(?=\W{0,12}$)/ : /^\W{0,12}=[A-Za-z0-9+/]{4}(?=\W{0,12}$)/, "")

/** What a cut has left of the first line of a key, where the others are in the same line. */
const beginning = /^[\sA-Z-]{0,60}-----/

const rowOf = (line: Line, runs: ReadonlyArray<Run>): Row => {
  const before = line.text.slice(0, runs[0]!.start - line.start)
  const lengths = runs.map(({ text }) => text.length)
  const width = lengths.reduce((left, right) => Math.max(left, right), 0)
  const wordsBefore = wordsOf(before.replace(beginning, ""))
  return {
    runs,
    width,
    count: lengths.filter((length) => length === width).length,
    indent: before.trimStart().length,
    // Between two lines of a key, and at the start of the line, a word may be what is left of one before them.
    before: runs.length > 1 && wordsBefore.length === 1 ? [] : wordsBefore,
    after: wordsOf(withoutChecksum(line.text.slice(runs.at(-1)!.end - line.start), runs.at(-1)!.isPadded)),
    name: nameOf(before)
  }
}

const rowsOf = (line: Line, isMember: (run: Run) => boolean): ReadonlyArray<Row> => {
  const rows: Array<Array<Run>> = []
  const start = line.start + line.text.length - line.text.trimStart().length
  const end = line.start + line.text.trimEnd().length
  for (const run of runsIn(line)) {
    const isOuter = run.start === start || run.end === end
    if (!(isMember(run) || (isOuter && isRest(run)))) continue
    const last = rows.at(-1)?.at(-1)
    const between = last === undefined ? "" : line.text.slice(last.end - line.start, run.start - line.start)
    if (between.length <= longestJoint && joint.test(between)) rows.at(-1)!.push(run)
    else rows.push([run])
  }
  const compared = rows.length > 2 * mostRows ? [...rows.slice(0, mostRows), ...rows.slice(-mostRows)] : rows
  return compared.map((runs) => rowOf(line, runs))
}

const isSuffix = (words: ReadonlyArray<string>, of: ReadonlyArray<string>): boolean =>
  words.length <= of.length && differences(words, of.slice(of.length - words.length)) === 0

/** What a cut has left of the line before the first row. The cut may be within what is before the run. */
const restIn = (line: Line | undefined, first: Row): ReadonlyArray<Run> => {
  if (line === undefined) return []
  const row = rowsOf(line, (run) => isRest(run) && run.text.length <= first.width + longestGlued).find(
    ({ after, before }) => {
      const isBefore = isSuffix(before, first.before) || (isSuffix(before.slice(1), first.before) && !isBare(first))
      return isBefore && differences(after, first.after) === 0
    }
  )
  return row?.runs.toReversed() ?? []
}

/** The rest before the row of this line. An escaped end of a line is no end where more of its frame is behind it. */
const restBefore = (lines: ReadonlyArray<Line>, index: number, first: Row): ReadonlyArray<Run> => {
  const [before, behind] = [lines[index - 1], lines[index + 1]]
  const rest = restIn(before, first)
  if (rest.length > 0 || before === undefined || behind === undefined) return rest
  const isSame = differences(wordsOf(before.text), wordsOf(behind.text)) === 0
  return isSame ? restIn(lines[index - 2], first) : []
}

interface Chain {
  /** The last one first. */
  readonly runs: Array<Run>
  readonly width: number
  /** The first row of the text, and the index of its line. */
  readonly first: Row
  readonly index: number
  /** Whether what is around the last row is around the end. */
  readonly isLike: boolean
}

/** Whether two lines of a key may be so far from each other, if not more than `longest` is between them. */
export const isNear = (
  lines: ReadonlyArray<Line>,
  index: number,
  before: { readonly index: number; readonly start: number },
  longest = longestGap
): boolean => {
  const { start, text } = lines[index]!
  return before.index - index <= mostLines + 1 || before.start - (start + text.length) <= longest
}

/** Whether the row may be the last one before the end. Behind a short one, there is at most a checksum. */
const isLast = (row: Row, linesBehind: number): boolean => linesBehind <= (isFull(row) ? 4 : 2)

/** Whether the row ends where the line does, at the end of the key. */
const isJoined = (row: Row, line: Line): boolean =>
  row.after.length === 0
  && (row.runs.length > 1 || isBare(row))
  && line.start + line.text.length - row.runs.at(-1)!.end <= longestJoint

const isKey = ({ isLike, runs, width }: Chain): boolean =>
  isLike
  || width >= longWidth
  || new Set(runs.filter(({ text }) => text.length === width).map(({ text }) => text)).size > 1

/** The runs of the key that ends behind the last one of the lines, the last one first. None has the `mark`. */
export const rowsBefore = (all: ReadonlyArray<Line>, end: Surroundings, mark: string): ReadonlyArray<Run> => {
  const lines = withoutEmpty(all).map(withoutColours)
  const own = lines.length - 1
  const around: Row = {
    runs: [],
    width: 0,
    count: 0,
    indent: 0,
    before: wordsOf(end.before),
    after: wordsOf(end.after),
    name: nameOf(end.before)
  }
  const ending = { index: own, start: lines[own]!.start + lines[own]!.text.length }
  const chains = new Map<number, Chain>()
  let near = ending
  for (let index = own; index >= 0 && isNear(lines, index, near); index--) {
    const line = lines[index]!
    if (line.text.includes(mark)) break
    for (const row of rowsOf(line, isKeyLine).toReversed()) {
      const isLike =
        index === own
          ? isJoined(row, line)
          : isSimilar(row, around, end.isCut, own - index <= 2) || (isLast(row, own - index) && isCutLike(row, around))
      const isEnd = isLike && isLast(row, own - index)
      const isRow = isFull(row) ? isAlone(row) || isBare(row) || isLike : isEnd && row.width >= shortestLast
      if (!isRow) continue
      const width = Math.min(row.width, longWidth)
      const chain = chains.get(width)
      const last = chain === undefined ? ending : { index: chain.index, start: chain.runs.at(-1)!.start }
      if (!isNear(lines, index, last)) continue
      const runs = chain?.runs ?? []
      for (const run of row.runs.toReversed()) runs.push(run)
      chains.set(width, { runs, width, first: row, index, isLike: isEnd || chain?.isLike === true })
      near = { index, start: row.runs[0]!.start }
    }
  }
  return [...chains.values()]
    .filter(isKey)
    .flatMap((chain) => {
      const isNext = chain.runs.length > 1 || chain.width >= usualWidth || lines[chain.index - 1]?.start === 0
      return [...chain.runs, ...(isNext ? restBefore(lines, chain.index, chain.first) : [])]
    })
    .toSorted((left, right) => right.start - left.start)
}
