/**
 * Turns `expression // => value` and `const name = … // => value` into assertions.
 *
 * Both sides are TypeScript: `RetryPolicy.delay(2) // => Duration.millis(100)`. A marker that cannot become an
 * assertion is an error, so that no comment looks like an assertion without being checked.
 */

import { parseSync } from "oxc-parser"

interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [key: string]: unknown
}

const isNode = (value: unknown): value is Node =>
  typeof value === "object"
  && value !== null
  && "type" in value
  && typeof value.type === "string"
  && "start" in value
  && typeof value.start === "number"

const statements = (node: Node): ReadonlyArray<Node> => [
  ...(node.type === "ExpressionStatement" || node.type === "VariableDeclaration" ? [node] : []),
  ...Object.values(node).flatMap((value) =>
    (Array.isArray(value) ? value : [value]).flatMap((child: unknown) => (isNode(child) ? statements(child) : []))
  )
]

/** The one name that a `const name = …` declares. */
const declaredName = (statement: Node): string | undefined => {
  const declarations = statement["declarations"]
  if (statement["kind"] !== "const" || !Array.isArray(declarations) || declarations.length !== 1) return undefined
  const declared: unknown = declarations[0]
  const id = isNode(declared) ? declared["id"] : undefined
  return isNode(id) && id.type === "Identifier" && typeof id["name"] === "string" ? id["name"] : undefined
}

const marker = /^ => (?<expected>.+)$/

/** `assertion` is the name of the function that the result calls with the actual and the expected value. */
export const transform = (code: string, assertion: string): string => {
  const parsed = parseSync("example.ts", code)
  const [error] = parsed.errors
  if (error !== undefined) throw new Error(`not TypeScript: ${error.message}`)
  const candidates = statements(parsed.program as unknown as Node)
  let result = ""
  let position = 0
  for (const comment of parsed.comments) {
    const expected = marker.exec(comment.value)?.groups?.["expected"]
    if (comment.type !== "Line" || expected === undefined) continue
    if (parseSync("expected.ts", `void (${expected})`).errors.length > 0)
      throw new Error(`not an expression: ${expected}`)
    // The innermost statement that ends where the comment begins.
    const statement = candidates
      .filter((node) => node.end <= comment.start && /^[ \t]*$/.test(code.slice(node.end, comment.start)))
      .reduce<Node | undefined>(
        (best, node) => (best === undefined || node.start > best.start ? node : best),
        undefined
      )
    if (statement === undefined) throw new Error(`no statement ends before // => ${expected}`)
    const expression = statement["expression"]
    if (statement.type === "ExpressionStatement" && isNode(expression)) {
      result += `${code.slice(position, statement.start)};${assertion}(${code.slice(expression.start, expression.end)}, ${expected});`
    } else {
      const name = declaredName(statement)
      if (name === undefined) throw new Error(`// => ${expected} must follow an expression or the const of one name`)
      result += `${code.slice(position, statement.end)};${assertion}(${name}, ${expected});`
    }
    position = comment.end
  }
  return result + code.slice(position)
}
