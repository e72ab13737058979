/**
 * A function is at most 70 lines long, so that it fits on a screen. Longer ones are listed with their length, which may
 * only shrink. The functions inside a function count as its lines.
 */

import { parseSync, Visitor } from "oxc-parser"
import { lineOf, type SourceFile } from "./SourceTree.ts"

export const limit = 70

/** Path and name of a function, and the lines that it may have until it is divided. */
export const debt: Readonly<Record<string, number>> = {}

interface Node {
  readonly start: number
  readonly end: number
}

/** Every function of a file by name, with its lines. One without a name of its own is called by its line. */
export const functionsOf = (file: SourceFile): ReadonlyArray<readonly [name: string, lines: number]> => {
  const found: Array<readonly [string, number]> = []
  const names = new Map<number, string>()
  const nameIt = (node: Node | null | undefined, name: string | undefined): void => {
    if (node !== null && node !== undefined && name !== undefined && !names.has(node.start)) names.set(node.start, name)
  }
  const measure = (node: Node): void => {
    const first = lineOf(file.text, node.start)
    found.push([names.get(node.start) ?? `line ${first}`, lineOf(file.text, node.end) - first + 1])
  }
  new Visitor({
    VariableDeclarator: (node) => {
      if (node.id.type !== "Identifier") return
      nameIt(node.init, node.id.name)
      // `const run = Effect.fn("run")(function* () {…})`
      if (node.init?.type === "CallExpression")
        for (const argument of node.init.arguments) nameIt(argument, node.id.name)
    },
    MethodDefinition: (node) => nameIt(node.value, node.key.type === "Identifier" ? node.key.name : undefined),
    Property: (node) => nameIt(node.value, node.key.type === "Identifier" ? node.key.name : undefined),
    PropertyDefinition: (node) => nameIt(node.value, node.key.type === "Identifier" ? node.key.name : undefined),
    FunctionDeclaration: (node) => {
      nameIt(node, node.id?.name)
      measure(node)
    },
    FunctionExpression: measure,
    ArrowFunctionExpression: measure
  }).visit(parseSync(file.path, file.text).program)
  return found
}

export const violations = (
  sources: ReadonlyArray<SourceFile>,
  allowances: Readonly<Record<string, number>>
): ReadonlyArray<string> => {
  const seen = new Set<string>()
  const tooLong = sources.flatMap((file) =>
    functionsOf(file).flatMap(([name, lines]) => {
      const key = `${file.path} ${name}`
      const allowed = allowances[key]
      if (lines <= limit) return []
      seen.add(key)
      return lines > (allowed ?? limit) ? [`${key}: ${lines} lines, more than ${allowed ?? limit}`] : []
    })
  )
  const gone = Object.keys(allowances)
    .filter((key) => !seen.has(key))
    .map((key) => `${key}: short enough now; remove it from the list`)
  return [...tooLong, ...gone]
}
