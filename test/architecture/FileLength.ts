/** A file is one concept of at most 400 lines. Longer files are listed with their length, which may only shrink. */

import type { SourceFile } from "./SourceTree.ts"

export const limit = 400

/** Path, and the number of lines that the file may have until it is divided. */
export const debt: Readonly<Record<string, number>> = {}

const linesOf = (file: SourceFile): number => file.text.split("\n").length - (file.text.endsWith("\n") ? 1 : 0)

export const violations = (
  sources: ReadonlyArray<SourceFile>,
  allowances: Readonly<Record<string, number>>
): ReadonlyArray<string> => {
  const tooLong = sources.flatMap((file) => {
    const lines = linesOf(file)
    const allowed = allowances[file.path]
    if (lines > (allowed ?? limit))
      return [`${file.path}: ${lines} lines, more than ${allowed ?? limit}; is it one concept?`]
    if (allowed !== undefined && lines <= limit) return [`${file.path}: short enough now; remove it from the list`]
    return []
  })
  const gone = Object.keys(allowances)
    .filter((path) => !sources.some((file) => file.path === path))
    .map((path) => `${path}: does not exist; remove it from the list`)
  return [...tooLong, ...gone]
}
