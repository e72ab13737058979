/**
 * Finds private keys whose first line is missing, because the tail of a log, or another excerpt, begins within them.
 *
 * Takes linear time: what is before an end is searched once, and every gap and fragment is bounded.
 */

const ending = /-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g

/** Part of a line of a key. Only its last line, and the checksum after it, may be shorter. */
const part = /(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{32,}/g

/**
 * In characters. Between two parts there are at most a short last line, a checksum, what a logger puts before each
 * line, and a line of another thread.
 */
const longestGap = 300

/** What a cut has left of a line of a key. Nothing else is before it. */
const remainder = /^\s*[A-Za-z0-9+/]{0,76}={0,2}(?:\s|\\{1,7}[rn])*$/

/** The last line of a key, where nothing else is left of it. A shorter one tells nothing about the key. */
const lastLine = /(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{16,}/

/** In characters. Only a checksum and what a logger puts before a line are between the last line and the end. */
const longestLast = 150

/** Where the key begins that ends where this text does. */
const startIn = (text: string): number => {
  let start = text.length
  for (const { 0: found, index } of [...text.matchAll(part)].toReversed()) {
    if (start - (index + found.length) > longestGap) break
    start = index
  }
  if (start === text.length) {
    const near = text.slice(-longestLast)
    const found = near.search(lastLine)
    return found === -1 ? start : start - near.length + found
  }
  return start <= longestGap && remainder.test(text.slice(0, start)) ? 0 : start
}

/** Lines of base64 from the very start, as a key has them: neither its first line nor its last one is there. */
const headlessAndEndless =
  /^\s*(?:[A-Za-z0-9+/]{1,76}\r?\n)?(?:[A-Za-z0-9+/]{60,76}\r?\n)+(?:[A-Za-z0-9+/]{1,76}={0,2}(?=\r?\n|$))?/

/** Replaces what is left of keys without their first line. Those that have it must have been replaced before. */
export const replaceHeadlessKeys = (text: string, mark: (kind: string) => string): string => {
  let clean = ""
  let from = 0
  for (const { 0: end, index } of text.matchAll(ending)) {
    const before = text.slice(from, index)
    const start = startIn(before)
    // Without any of the key, it is a sentence about a key.
    clean += before.slice(0, start) + (start === before.length ? end : mark("private-key"))
    from = index + end.length
  }
  return (clean + text.slice(from)).replace(
    headlessAndEndless,
    (lines) => mark("base64") + (lines.endsWith("\n") ? "\n" : "")
  )
}
