/** The lines in which two texts differ, for people: ` kept`, `-before` and `+after`. Pure. */

const context = 2
/** Longer middles are shown as removed and added, not compared line by line. */
const mostCompared = 400

interface Line {
  readonly sign: " " | "-" | "+"
  readonly text: string
}

/** The longest common subsequence of lines tells which ones stay. */
const compared = (before: ReadonlyArray<string>, after: ReadonlyArray<string>): ReadonlyArray<Line> => {
  if (before.length > mostCompared || after.length > mostCompared)
    return [...before.map((text): Line => ({ sign: "-", text })), ...after.map((text): Line => ({ sign: "+", text }))]
  const width = after.length + 1
  const lengths = new Uint16Array((before.length + 1) * width)
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--)
      lengths[i * width + j] =
        before[i] === after[j]
          ? lengths[(i + 1) * width + j + 1]! + 1
          : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!)
  const lines: Array<Line> = []
  let [i, j] = [0, 0]
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      lines.push({ sign: " ", text: before[i]! })
      i++
      j++
    } else if (j >= after.length || (i < before.length && lengths[(i + 1) * width + j]! >= lengths[i * width + j + 1]!))
      lines.push({ sign: "-", text: before[i++]! })
    else lines.push({ sign: "+", text: after[j++]! })
  }
  return lines
}

/**
 * The parts of two long texts that may differ, with so many lines around them, of which at most `most` characters are
 * kept.
 */
export const differingParts = (
  before: string,
  after: string,
  around: number,
  most: number
): readonly [before: string, after: string] => {
  const [left, right] = [before.split("\n"), after.split("\n")]
  let start = 0
  while (start < left.length && start < right.length && left[start] === right[start]) start++
  const from = Math.max(0, start - around)
  return [left.slice(from).join("\n").slice(0, most), right.slice(from).join("\n").slice(0, most)]
}

/** The lines that differ, with two lines around them. `…` stands for lines that are left out. */
export const textDiff = (before: string, after: string): ReadonlyArray<string> => {
  const [left, right] = [before.split("\n"), after.split("\n")]
  let start = 0
  while (start < left.length && start < right.length && left[start] === right[start]) start++
  let end = 0
  while (
    end < left.length - start
    && end < right.length - start
    && left[left.length - 1 - end] === right[right.length - 1 - end]
  )
    end++
  const kept = (text: string): Line => ({ sign: " ", text })
  const lines = [
    ...left.slice(0, start).map(kept),
    ...compared(left.slice(start, left.length - end), right.slice(start, right.length - end)),
    ...left.slice(left.length - end).map(kept)
  ]
  const isNear = (index: number): boolean =>
    lines.slice(Math.max(0, index - context), index + context + 1).some(({ sign }) => sign !== " ")
  const shown: Array<string> = []
  let isLeftOut = false
  for (const [index, { sign, text }] of lines.entries()) {
    if (isNear(index)) {
      if (isLeftOut) shown.push("…")
      isLeftOut = false
      shown.push(`${sign}${text}`)
    } else isLeftOut = true
  }
  return shown
}
