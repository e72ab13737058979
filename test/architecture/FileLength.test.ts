import { assert, describe, it } from "@effect/vitest"
import { debt, limit, violations } from "./FileLength.ts"
import { files } from "./SourceTree.ts"

const fileOf = (lines: number) => [{ path: "src/domain/Alert.ts", text: "line\n".repeat(lines) }]

describe("file length", () => {
  it("stays within the limit, or within what the list allows", () => {
    assert.deepStrictEqual(violations(files(/^(src|test|scripts|examples)\/.*\.ts$/), debt), [])
  })

  it("is refused one line over the limit", () => {
    assert.deepStrictEqual(violations(fileOf(limit), {}), [])
    assert.strictEqual(violations(fileOf(limit + 1), {}).length, 1)
  })

  it("of a listed file may shrink but not grow", () => {
    assert.deepStrictEqual(violations(fileOf(500), { "src/domain/Alert.ts": 500 }), [])
    assert.deepStrictEqual(violations(fileOf(450), { "src/domain/Alert.ts": 500 }), [])
    assert.strictEqual(violations(fileOf(501), { "src/domain/Alert.ts": 500 }).length, 1)
  })

  it("of a listed file that is short enough must leave the list", () => {
    assert.strictEqual(violations(fileOf(limit), { "src/domain/Alert.ts": 500 }).length, 1)
    assert.strictEqual(violations([], { "src/domain/Alert.ts": 500 }).length, 1)
  })
})
