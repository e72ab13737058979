/**
 * Whether what has arrived of a response shows that its peer works. Pure.
 *
 * | a part of a response                                       | a sign of work |
 * | ---------------------------------------------------------- | -------------- |
 * | of a stream: an event with data, or the beginning of one   | yes            |
 * | of a stream: a comment, an empty line, a name without data | no             |
 * | of another body: anything but white space                  | yes            |
 * | of another body: white space                               | no             |
 *
 * A gateway sends comments or empty lines to keep the connection open, for as long as the model behind it is silent.
 */

/** How much of a line that has not ended is kept. Its beginning says what it is. */
const lineStart = 16

const dataLine = /^data:[ \t]*\S/m

/** Looks at the text of one response, part by part. */
export class SignOfWork {
  private readonly isStream: boolean
  private line = ""

  constructor(isStream: boolean) {
    this.isStream = isStream
  }

  /** Whether this part is, or completes, a sign of work. */
  isIn(part: string): boolean {
    if (!this.isStream) return /\S/.test(part)
    const text = this.line + part
    const from = Math.max(text.lastIndexOf("\n"), text.lastIndexOf("\r")) + 1
    this.line = text.slice(from, from + lineStart)
    return dataLine.test(text)
  }
}
