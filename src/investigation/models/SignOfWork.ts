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
 * HolmesGPT sends its first event after the first reply of its model. The events of a language model are judged by what
 * they say: `bringsText`, and the modules of the providers.
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

/** What a server says of a delta before the model has written any of it. */
const labels: ReadonlySet<string> = new Set(["role", "type"])

/**
 * Whether a delta brings something, in whatever field: a text, a thought, a part of a tool call. A role or an empty
 * text is nothing. `depth`: how far it looks; what is deeper counts.
 */
export const bringsText = (delta: unknown, depth = 8): boolean => {
  if (typeof delta === "string") return delta !== ""
  if (typeof delta !== "object" || delta === null) return false
  return depth === 0 || Object.entries(delta).some(([name, value]) => !labels.has(name) && bringsText(value, depth - 1))
}
