/**
 * What lines of a private key look like in a text: which run of characters may be one, and what a logger or a notation
 * puts around it.
 *
 * Every pattern takes linear time.
 */

export interface Line {
  /** Where it begins in the whole text. */
  readonly start: number
  readonly text: string
}

/** What is before and after each line of a key: the time of a logger, quotes, the fields of a JSON line. */
export interface Frame {
  readonly before: ReadonlyArray<string>
  readonly after: ReadonlyArray<string>
  /** Whether the text ends before the end of `after` is certain. */
  readonly isCut: boolean
}

/** Characters of a key in one line. */
export interface Run {
  /** Where it begins and ends in the whole text. */
  readonly start: number
  readonly end: number
  /** With each escaped character as one. */
  readonly text: string
  readonly isPadded: boolean
  /** Whether an excerpt may begin here, so that the run may be what is left of a longer one. */
  readonly isCut: boolean
}

/** The end of a line, however a notation writes it: of programs, URLs, HTML, loggers, terminals, and mail. */
const breaks = new RegExp(
  [
    String.raw`=(?:0d=)?0a=\r?\n|\^M\r?\n|\r?\n|\r`,
    String.raw`\\{1,7}(?:[rnt]|u000[ad]|x0[ad]|01[25])`,
    String.raw`%0[ad]|&#(?:10|13|x0?[ad]);|<br ?\/?>`,
    String.raw`#(?:01[25]|0[ad])|\^[JM]|<(?:LF|CR)>|[\u240a\u240d\u2028\u2029]`
  ].join("|"),
  "gi"
)

/** What the text has before the first end of a line. */
export const firstLineOf = (text: string): string => {
  const end = text.search(breaks)
  return end === -1 ? text : text.slice(0, end)
}

/** The lines of a text that begins at `start` of the whole text. */
export const linesOf = (text: string, start: number): ReadonlyArray<Line> => {
  const lines: Array<Line> = []
  let from = 0
  for (const { 0: found, index } of text.matchAll(breaks)) {
    lines.push({ start: start + from, text: text.slice(from, index) })
    from = index + found.length
  }
  return [...lines, { start: start + from, text: text.slice(from) }]
}

/** In lines. A notation writes fewer of them between two lines of a key. */
const mostEmpty = 20

/** The lines that have a letter or a digit, the first one of the text, the last one, and those behind many without. */
export const withoutEmpty = (lines: ReadonlyArray<Line>): ReadonlyArray<Line> => {
  let empty = 0
  return lines.filter(({ start, text }, index) => {
    empty = /[A-Za-z0-9]/.test(text) ? 0 : empty + 1
    return empty === 0 || empty > mostEmpty || start === 0 || index === lines.length - 1
  })
}

/** Between the words of a mark. A URL writes a space as `%20`, and a form as `+`. */
const markSpace = String.raw`(?:[ +]|%(?:25)?20)`

/** The words of a mark. */
export const markWords = String.raw`(?:[A-Z0-9 +]|%(?:25)?20)`

/** The words of a mark of a private key. */
export const keyWords = `${markWords}{0,40}PRIVATE${markSpace}KEY(?:${markSpace}BLOCK)?`

/** The words of a mark of a private key, as the end of a text may cut them. */
export const cutKeyWords = [
  `(?:(?:RSA|EC|DSA|OPENSSH|ENCRYPTED|PGP)${markSpace})?P?R?I?V?A?T?E?${markSpace}?K?E?Y?(?:${markSpace}B?L?O?C?K?)?`,
  "RS?A?|EC?|DS?A?|OP?E?N?S?S?H?|EN?C?R?Y?P?T?E?D?|PG?P?"
].join("|")

/** The begin or the end of something in PEM, up to its words. */
export const markOf = (word: string): string => `-----${word}${markSpace}`

/** JSON, HTML and URLs may escape the characters that are neither letters nor digits. */
const escaped = String.raw`\\{1,7}(?:\/|[ux](?:00)?2[bBfF])|&(?:amp;)?#(?:43|47|[xX]2[bBfF]);|%(?:25)?2[bBfF]`
const escapedPadding = String.raw`=|\\{1,7}[ux](?:00)?3[dD]|&(?:amp;)?#(?:61|[xX]3[dD]);|%(?:25)?3[dD]`
const run = `((?:[A-Za-z0-9+/]+|${escaped})+)((?:${escapedPadding}){0,2})`
const runs = new RegExp(run, "y")
const everyRun = new RegExp(run, "g")
const anyEscaped = new RegExp(escaped, "g")

const runOf = (line: Line, offset: number, [whole, text = "", padding]: RegExpExecArray): Run => ({
  start: line.start + offset,
  end: line.start + offset + whole.length,
  text: text.replace(anyEscaped, "/"),
  isPadded: padding !== "",
  isCut: false
})

/** All runs of the line. */
export const runsIn = (line: Line): ReadonlyArray<Run> =>
  [...line.text.matchAll(everyRun)].map((found) => runOf(line, found.index, found))

/** The run that begins at this place of the line. */
export const runAt = (line: Line, offset: number): Run | undefined => {
  runs.lastIndex = offset
  const found = runs.exec(line.text)
  return found === null ? undefined : runOf(line, offset, found)
}

/** In characters. What a cut may leave before a run of what is written for the end of a line, or for a colour. */
export const longestGlued = 5

/** In characters. What is before a run is shorter, also if it has the labels of a pod. */
const longestHead = 4000

/** In pieces. A cut within more of what is before a run is not looked for. */
const mostCutPieces = 100

/** In characters. A shorter run tells nothing about a key, and may be anything. */
const shortest = 16

/** Words have digits only in their first letters, as `X509` and `Base64` do. */
const letters = /^(?:[A-Z][A-Za-z]{0,4}\d{1,4})?[A-Za-z]+(?:\/[A-Za-z]+)*$/

/**
 * Whether the run is words, as `InvalidKeySpecException` and `javax/net/ssl` are: most of it is rows of small letters,
 * and these have vowels. One in 30 000 random runs of 24 characters is like that.
 */
const isWords = (text: string): boolean => {
  const rows = (text.match(/[a-z]{3,}/g) ?? []).join("")
  const vowels = rows.replace(/[^aeiou]/g, "")
  return letters.test(text) && rows.length >= 0.6 * text.length && vowels.length >= 0.3 * rows.length
}

/** Whether the run has but one case, as numbers, hashes, identifiers and constants have. */
const hasOneCase = (text: string): boolean => !/[a-z]/.test(text) || !/[A-Z]/.test(text) || /^[\dA-Fa-f]+$/.test(text)

/** Whether a run beside lines of a key may be the rest of another one. It has no second one to be compared with. */
export const isRest = ({ text, isPadded }: Run): boolean =>
  isPadded || text.length === 1 || !(hasOneCase(text) || isWords(text))

/** Whether the run is so long, and so random, that it may be a line of a key. */
export const isKeyLine = ({ text }: Run): boolean => text.length >= shortest && !hasOneCase(text) && !isWords(text)

const colour = String.raw`(?:\u001b|\\{1,7}(?:u001b|x1b|033|e))\[[\d;]{0,8}m`
const colourEnd = new RegExp(`${colour}$`, "i")

/** In characters. */
const longestColour = 24

const colours = new RegExp(colour, "gi")

/** The line with spaces in the place of its colours. */
export const withoutColours = (line: Line): Line => ({
  ...line,
  text: line.text.replace(colours, (found) => " ".repeat(found.length))
})

/** Colours, words, white space, and any other character. */
const pieces = new RegExp(String.raw`${colour}|[\w.]+|\s+|[^\w.\s]`, "gi")

const nextPiece = new RegExp(pieces.source, "iy")

export const piecesOf = (text: string): ReadonlyArray<string> => text.match(pieces) ?? []

/** Times, numbers and identifiers differ between the lines of one message. */
const shapeOf = (piece: string): string => {
  if (/^\s/.test(piece)) return " "
  return /^[\w.]*\d[\w.]*$|^[\da-f]+$/i.test(piece) ? "0" : piece
}

/** Where the text no longer is like the pieces, if it is like all of them. */
const behind = (text: string, expected: ReadonlyArray<string>, from: number): number | undefined => {
  let at = from
  for (const piece of expected) {
    nextPiece.lastIndex = at
    const found = nextPiece.exec(text)?.[0]
    if (found === undefined || shapeOf(found) !== shapeOf(piece)) return undefined
    at += found.length
  }
  return at
}

/** What may close any line: quotes, commas, white space. */
const closing = /^[^A-Za-z0-9]{0,20}$/

const isFramed = (rest: string, { after, isCut }: Frame): boolean => {
  if (closing.test(rest)) return true
  const end = behind(rest, after, 0)
  return after.length > 0 && end !== undefined && (isCut || end === rest.length)
}

/** Whether no run is before this place that the one behind it would be part of. */
const isBoundary = (text: string, offset: number): boolean => {
  const before = text.slice(Math.max(0, offset - longestColour), offset)
  return !/[A-Za-z0-9+/]$/.test(before) || colourEnd.test(before)
}

/** What a cut may leave of the end of a line. A name and its colon are none. */
const leftOver = /^(?:[^\s:=]*|[^A-Za-z0-9:=]*)$/

/**
 * Where a run may begin in the first line of the text. The cut may be within the frame, within what is written for the
 * end of a line, or within the run.
 */
const cutOffsetsIn = (text: string, indent: number, { before }: Frame): ReadonlyArray<number> => {
  const [first = ""] = piecesOf(text.slice(indent))
  const glued = before.some((piece) => /^\w/.test(piece)) ? 0 : longestGlued
  return [
    ...Array.from({ length: glued + 1 }, (_, index) => indent + index).filter((offset) =>
      leftOver.test(text.slice(indent, offset))
    ),
    ...before
      .slice(-mostCutPieces)
      .flatMap((_, index, near) => behind(text, near.slice(index + 1), indent + first.length) ?? [])
  ].filter((offset) => isBoundary(text, offset))
}

/** The run that begins a string which the line does not end: the excerpt is in JSON. */
const quotedRunIn = (line: Line): Run | undefined => {
  const offset = Math.max(...[`"`, "'", "`"].map((quote) => line.text.lastIndexOf(quote))) + 1
  const run = offset === 0 ? undefined : runAt(line, offset)
  return run?.end === line.start + line.text.length ? { ...run, isCut: true } : undefined
}

/**
 * The run of a line that is nothing but a run in its frame, or what a cut has left of it: at the start of the text, and
 * where lines of the key are known to be next.
 */
export const runIn = (line: Line, frame: Frame, isNextToKey = false): Run | undefined => {
  const head = line.text.slice(0, longestHead)
  const indent = head.length - head.trimStart().length
  const isFirst = line.start === 0 || isNextToKey
  const framedAt = (offset: number): Run | undefined => {
    const run = runAt(line, offset)
    const isOne = run !== undefined && isFramed(line.text.slice(run.end - line.start), frame)
    return isOne ? { ...run, isCut: isFirst } : undefined
  }
  const whole = behind(head, frame.before, indent)
  const framed = whole === undefined ? undefined : framedAt(whole)
  if (framed !== undefined) return framed
  // To look for a cut takes far longer than to look for the frame.
  for (const offset of isFirst ? cutOffsetsIn(head, indent, frame) : []) {
    const run = framedAt(offset)
    if (run !== undefined) return run
  }
  return quotedRunIn(line)
}
