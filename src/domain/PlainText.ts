/**
 * Text from the cluster for a terminal, a log or a page: control characters, and those that change the direction of
 * text or are not seen, are written out. They could move the cursor, change a colour, or make a line look like
 * another.
 */

const unseen = /[\p{Cc}\p{Cf}\u2028\u2029]/gu

const named: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }

const written = (code: number): string =>
  code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, "0")}`

/**
 * The text in one line, in which nothing is hidden.
 *
 * ```ts
 * import { PlainText } from "kubernaut"
 *
 * PlainText.plain("a\u001b[2Jb\nc") // => "a\\u001b[2Jb\\nc"
 * ```
 */
export const plain = (text: string): string =>
  text.replace(unseen, (found) => named[found] ?? written(found.codePointAt(0) ?? 0))
