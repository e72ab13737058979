import { assert, describe, it } from "@effect/vitest"
import { Duration, Option } from "effect"
import { assertEquals } from "../../scripts/doc-examples/Assertion.ts"
import { inMarkdown, inSource } from "../../scripts/doc-examples/Example.ts"
import { transform } from "../../scripts/doc-examples/Transform.ts"

const fence = "```"

describe("examples in comments and Markdown", () => {
  it("are found with the line of their fence", () => {
    assert.deepStrictEqual(inMarkdown(`# A\n\n${fence}ts\n1 // => 1\n${fence}\n`), [{ line: 3, code: "1 // => 1" }])
    assert.deepStrictEqual(
      inSource(`const a = 1\n/**\n * Text.\n *\n * ${fence}ts\n * f(\n *   2\n * )\n * ${fence}\n */\n`, "A.ts"),
      [{ line: 5, code: "f(\n  2\n)" }]
    )
  })

  it("are ignored in other fences, in strings and in plain comments", () => {
    assert.deepStrictEqual(inMarkdown(`${fence}typescript\n1\n${fence}\n${fence}sh\nls\n${fence}`), [])
    assert.deepStrictEqual(inSource(`const text = "${fence}ts"\n`, "A.ts"), [])
  })

  it("are refused without a closing fence", () => {
    assert.throws(() => inMarkdown(`${fence}ts\n1`), /line 1 has no closing fence/)
  })

  it("become assertions of expressions, also over several lines", () => {
    assert.strictEqual(transform("f(1) // => 2", "eq"), ";eq(f(1), 2);")
    assert.strictEqual(transform("f(\n  1\n) // => { a: 2 }", "eq"), ";eq(f(\n  1\n), { a: 2 });")
  })

  it("become assertions of a const", () => {
    assert.strictEqual(transform("const a = f() // => 1", "eq"), "const a = f();eq(a, 1);")
  })

  it("keep URLs and comments that are no assertions", () => {
    assert.strictEqual(
      transform(`const a = "// => 1"\n// it goes => there`, "eq"),
      `const a = "// => 1"\n// it goes => there`
    )
  })

  it("are refused when an assertion would be lost", () => {
    assert.throws(() => transform("// => 1", "eq"), /no statement ends/)
    assert.throws(() => transform("let a = 1 // => 1", "eq"), /const of one name/)
    assert.throws(() => transform("f() // => the number", "eq"), /not an expression/)
    assert.throws(() => transform("f( // => 1", "eq"), /not TypeScript/)
  })

  it("are compared by value", () => {
    assertEquals(Duration.seconds(1), Duration.millis(1000))
    assertEquals(Option.some({ a: [1] }), Option.some({ a: [1] }))
    assert.throws(() => assertEquals([1, 2], [1, 3]))
    assert.throws(() => assertEquals(Option.some(1), Option.none()))
  })
})
