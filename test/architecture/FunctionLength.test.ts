import { assert, describe, it } from "@effect/vitest"
import { debt, functionsOf, limit, violations } from "./FunctionLength.ts"
import { files } from "./SourceTree.ts"

const path = "src/domain/Alert.ts"
const body = (lines: number) => `{\n${"  1\n".repeat(lines - 2)}}`
const named = (text: string) => functionsOf({ path, text })

describe("function length", () => {
  it("stays within the limit, or within what the list allows", () => {
    assert.deepStrictEqual(violations(files(/^(src|scripts|examples)\/.*\.ts$/), debt), [])
  })

  it("is measured for declarations, arrows, methods and generators, each by its name", () => {
    const cases: ReadonlyArray<readonly [text: string, name: string]> = [
      [`function f() ${body(80)}`, "f"],
      [`const f = () => ${body(80)}`, "f"],
      [`const f = Effect.fn("f")(function* () ${body(80)})`, "f"],
      [`class A { m() ${body(80)} }`, "m"],
      [`const a = { m: () => ${body(80)} }`, "m"],
      [`run(() => ${body(80)})`, "line 1"]
    ]
    for (const [text, name] of cases) assert.deepStrictEqual(named(text), [[name, 80]], text)
  })

  it("is refused one line over the limit", () => {
    const file = (lines: number) => [{ path, text: `const f = () => ${body(lines)}` }]
    assert.deepStrictEqual(violations(file(limit), {}), [])
    assert.strictEqual(violations(file(limit + 1), {}).length, 1)
  })

  it("of a listed function may shrink but not grow, and a short one leaves the list", () => {
    const file = (lines: number) => [{ path, text: `const f = () => ${body(lines)}` }]
    const allowances = { [`${path} f`]: 100 }
    assert.deepStrictEqual(violations(file(90), allowances), [])
    assert.strictEqual(violations(file(101), allowances).length, 1)
    assert.strictEqual(violations(file(limit), allowances).length, 1)
  })
})
