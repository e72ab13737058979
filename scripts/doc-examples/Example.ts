/** Finds the examples in doc comments and Markdown: every block fenced as ` ```ts `. */

import { parseSync } from "oxc-parser"

export interface Example {
  /** The line of the opening fence in its file, from 1. */
  readonly line: number
  readonly code: string
}

const opening = /^(?<indent>[ \t]*)```ts[ \t]*$/
const closing = /^[ \t]*```[ \t]*$/

/** The examples of a Markdown text. `firstLine` is the number of its first line in the file. */
export const inMarkdown = (text: string, firstLine = 1): ReadonlyArray<Example> => {
  const examples: Array<Example> = []
  let open: { readonly line: number; readonly indent: string; readonly code: Array<string> } | undefined
  for (const [index, line] of text.split("\n").entries()) {
    if (open === undefined) {
      const match = opening.exec(line)
      if (match !== null) open = { line: firstLine + index, indent: match.groups?.["indent"] ?? "", code: [] }
    } else if (closing.test(line)) {
      examples.push({ line: open.line, code: open.code.join("\n") })
      open = undefined
    } else {
      open.code.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line.trimStart())
    }
  }
  if (open !== undefined) throw new Error(`the example at line ${open.line} has no closing fence`)
  return examples
}

/** The examples in the doc comments of a TypeScript source. */
export const inSource = (source: string, file: string): ReadonlyArray<Example> =>
  parseSync(file, source)
    .comments.filter((comment) => comment.type === "Block" && comment.value.startsWith("*"))
    .flatMap((comment) => {
      const firstLine = source.slice(0, comment.start).split("\n").length
      return inMarkdown(comment.value.replace(/^[ \t]*\*[ \t]?/gm, ""), firstLine)
    })
