/**
 * Finds private keys whose first line is missing, because the tail of a log, or another excerpt, begins within them.
 *
 * **Details**
 *
 * What is before an end is part of a key only if it looks like lines of one (`KeyLines`): random runs of one length,
 * apart from the first and the last, each of which is alone in its line. Around each of them is what is around the end:
 * the time of a logger, or the notation of a string. Where something else is around the end, the lines are compared
 * with each other (`KeyRows`). A log that names an end may have such lines too. So only the runs go, and the text
 * between them stays if it has words of its own (`KeyGaps`). No line is before the mark of something else, as a
 * certificate.
 *
 * Takes linear time: what is before an end is read once, and every gap is bounded.
 */

import { checksum, type HeadlessKey, withoutRuns } from "./KeyGaps.ts"
import {
  cutKeyWords,
  firstLineOf,
  type Frame,
  isKeyLine,
  isRest,
  keyWords,
  type Line,
  linesOf,
  longestGlued,
  markOf,
  markWords,
  piecesOf,
  type Run,
  runAt,
  runIn,
  runsIn,
  withoutEmpty
} from "./KeyLines.ts"
import { isNear, longestJoint, rowsBefore, shortestWidth, usualWidth } from "./KeyRows.ts"

/** The end of the text may cut it, as where a process was killed while it wrote. */
const ending = new RegExp(`${markOf("END")}(?:${keyWords}-----|(?:${cutKeyWords})-{0,4}(?=\\s*$))`, "g")

/** What a cut has left of the first line. It may be that of a certificate, if no letter is left. */
const cutBeginning = /^\s*(?:(?:[A-Z0-9 -]{0,60}P)?(?:R?I?V?A?T?E? ?KE|E)?Y)?-----\r?\n/

/** In characters. Tools break keys into lines of 60, 64, 70 or 76. Without an end, lines of another width are none. */
const longestWidth = 76

/** The mark of something else in PEM, as a certificate. */
const otherMark = new RegExp(`${markOf("(?:BEGIN|END)")}(?!${keyWords})${markWords}{1,40}-----`, "g")

const checksumLength = 5

/** In characters. Of two records of many lines: the last line of a key may be so short that it is none. */
const longestRecords = 4000

/** The checksum of PGP in a line that has something else around it. */
const framedChecksum = /(?<![A-Za-z0-9+/])=[A-Za-z0-9+/]{4}(?![A-Za-z0-9+/=])/

const bare: Frame = { before: [], after: [], isCut: false }

/** Whether the run is the line of a key before those that were found, from the last one on. */
const continues = (found: ReadonlyArray<Run>, run: Run): boolean => {
  const next = found.at(-1)
  if (next === undefined) return isKeyLine(run)
  const { length } = run.text
  const isWidth = found.length === 1 ? length >= Math.max(next.text.length, shortestWidth) : length === next.text.length
  return isWidth && isKeyLine(run)
}

/** Whether the run is what a cut has left of the first line. */
const isCutLine = (found: ReadonlyArray<Run>, run: Run): boolean => {
  const next = found.at(-1)
  const width = Math.max(longestWidth, next?.text.length ?? 0)
  return run.isCut && next !== undefined && isRest(run) && run.text.length <= width + longestGlued
}

/** The last run of a line that has something else before it. */
const lastRun = (line: Line): Run | undefined => {
  const run = runsIn(line).at(-1)
  return run?.end === line.start + line.text.length ? run : undefined
}

/** The first line of a key that is known by its other lines, behind something else. */
const firstRun = (found: ReadonlyArray<Run>, line: Line): ReadonlyArray<Run> => {
  const run = found.length > 1 ? lastRun(line) : undefined
  return run !== undefined && continues(found, run) ? [run] : []
}

/**
 * The lines of the key that ends at `end`, the last one first, where the same frame is around each of them. None of
 * them is before the `mark` of another key: its end is no longer there when the text is read again.
 */
const framedRuns = (lines: ReadonlyArray<Line>, end: number, frame: Frame, mark: string): ReadonlyArray<Run> => {
  const found: Array<Run> = []
  let near = { index: lines.length, start: end }
  // A name before the end tells which line of a record may be one of the key. Characters of the key itself tell nothing.
  const isGlued = /[A-Za-z0-9+/]$|==$/.test(frame.before.slice(-2).join(""))
  const isNamed = !isGlued && frame.before.some((piece) => /\p{L}/u.test(piece))
  const longest = isNamed ? longestRecords : undefined
  for (let index = lines.length - 1; index >= 0 && isNear(lines, index, near, longest); index--) {
    const line = lines[index]!
    if (line.text.includes(mark)) break
    const run = runIn(line, frame, found.length > 1 && near.index === index + 1)
    if (run === undefined) {
      const first = firstRun(found, line)
      if (first.length > 0) return [...found, ...first]
      // A checksum may be as far from the last line of the key as from the end.
      const isSum = found.length === 0 && near.index === lines.length && framedChecksum.test(line.text)
      if (isSum) near = { index, start: line.start }
    } else if (found.length === 0 && run.isCut && !isNear(lines, index, near)) {
      // Without a whole frame, nothing tells a run that is far from the end from an identifier.
      break
    } else if (continues(found, run) || isCutLine(found, run)) {
      found.push(run)
      near = { index, start: run.start }
    }
  }
  return found
}

/** The last run of a line, where nothing is between it and the end. */
const gluedTo = (line: Line): ReadonlyArray<Line> => {
  const run = lastRun(line)
  return run === undefined ? [] : [{ start: run.start, text: line.text.slice(run.start - line.start) }]
}

/** What is left of the escaped end of a padded line where its backslash is lost. */
const unescapedBreak = /(?<==)\/?n$/

/** The parts of a line between which is the same as before its end. */
const partsOf = (whole: Line): ReadonlyArray<Line> => {
  const line = { ...whole, text: whole.text.replace(unescapedBreak, "") }
  if (checksum.test(line.text.slice(-checksumLength)))
    return gluedTo({ ...line, text: line.text.slice(0, -checksumLength) })
  const joint = /[^A-Za-z0-9+/=\\]*$/.exec(line.text.slice(-longestJoint - 1))?.[0] ?? ""
  if (joint.length > longestJoint) return []
  if (joint === "") return gluedTo(line)
  let { start } = line
  return line.text.split(joint).map((text) => {
    const part = { start, text }
    start += text.length + joint.length
    return part
  })
}

/** The lines of the key, the last one first, that are words of the line in which it ends. */
const joinedRuns = (line: Line): ReadonlyArray<Run> => {
  const found: Array<Run> = []
  for (const part of partsOf(line).toReversed()) {
    if (part.text === "" || (found.length === 0 && checksum.test(part.text))) continue
    const run = runIn(part, bare)
    const isOne = run !== undefined && (found.length === 0 || continues(found, run) || isCutLine(found, run))
    if (isOne) found.push(run)
    else {
      found.push(...firstRun(found, part))
      break
    }
  }
  const last = found[0]
  // A last line may be any word. Its own characters tell what it is, or the lines before it.
  const isKey = last !== undefined && (found.length > 2 || (found.length === 2 ? isRest(last) : isKeyLine(last)))
  return isKey ? found : []
}

/** What is left of the key whose end is the marker between these places of the text. */
const keyBefore = (
  text: string,
  from: number,
  marker: RegExpExecArray,
  to: number,
  mark: string
): HeadlessKey | undefined => {
  const { 0: marked, index } = marker
  const end = index + marked.length
  const other = [...text.slice(from, index).matchAll(otherMark)].at(-1)
  const start = other === undefined ? from : from + other.index + other[0].length
  const lines = linesOf(text.slice(start, index), start)
  const own = lines.at(-1)
  if (own === undefined) return undefined
  const joined = joinedRuns(own)
  const after = firstLineOf(text.slice(end, to))
  const isCut = end + after.length === text.length
  const frame = { before: piecesOf(own.text.trimStart()), after: piecesOf(after), isCut }
  const framed = framedRuns(withoutEmpty(lines).slice(0, -1), index, frame, mark)
  const around = { before: own.text, after, isCut }
  const rows = rowsBefore(lines, around, mark)
  const runs = joined.length > 0 && framed.length < 2 ? joined : framed
  const ends = new Set(runs.map((run) => run.end))
  const found = [...runs, ...rows.filter((row) => !ends.has(row.end))]
  return found.length === 0 ? undefined : { lines, found, end: around, mark }
}

/** Where a key from the very start of the text has its lines, if neither its first nor its last one is there. */
const endlessIn = (text: string): { readonly start: number; readonly end: number } | undefined => {
  const whole = { start: 0, text }
  const found: Array<Run> = []
  let at = cutBeginning.exec(text)?.[0].length ?? text.length - text.trimStart().length
  for (let run = runAt(whole, at); run !== undefined; run = runAt(whole, at)) {
    const lineBreak = /^(?:\r?\n|$)/.exec(text.slice(run.end, run.end + 2))?.[0]
    if (lineBreak === undefined) break
    found.push(run)
    at = run.end + lineBreak.length
  }
  const isFull = (run: Run | undefined): run is Run =>
    run !== undefined && isKeyLine(run) && run.text.length >= usualWidth && run.text.length <= longestWidth
  const first = isFull(found[1]) ? 1 : 0
  const full = found[first]
  if (!isFull(full)) return undefined
  let last = first
  while (found[last + 1] !== undefined && continues([full, full], found[last + 1]!)) last++
  const rest = found[last + 1]
  const cut = found[0]!
  return {
    start: isRest(cut) && cut.text.length <= longestWidth ? cut.start : full.start,
    end: (rest !== undefined && rest.text.length < full.text.length && isRest(rest) ? rest : found[last]!).end
  }
}

/** Replaces what is left of keys without their first line. Those that have it must have been replaced before. */
export const replaceHeadlessKeys = (text: string, mark: (kind: string) => string): string => {
  const replaced = mark("private-key")
  let clean = ""
  let from = 0
  const markers = [...text.matchAll(ending)]
  for (const [index, marker] of markers.entries()) {
    const key = keyBefore(text, from, marker, markers[index + 1]?.index ?? text.length, replaced)
    // Without any of the key, it is a sentence about a key.
    const { rest, start } =
      key === undefined ? { start: marker.index, rest: marker[0] } : withoutRuns(text, marker.index, key)
    clean += text.slice(from, start) + rest
    from = marker.index + marker[0].length
  }
  clean += text.slice(from)
  const endless = endlessIn(clean)
  return endless === undefined ? clean : clean.slice(0, endless.start) + mark("base64") + clean.slice(endless.end)
}
