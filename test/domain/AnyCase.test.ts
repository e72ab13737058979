import { assert, describe, it } from "@effect/vitest"
import { anyCase } from "../../src/domain/AnyCase.ts"

describe("a pattern in any case", () => {
  it("ignores the case of letters, in classes, in other alphabets and behind escapes", () => {
    for (const [pattern, text] of [
      ["pass", "PaSS"],
      ["[a-f_.-]+x{2}", "AbF-_xX"],
      ["(?:парол|contraseñ)", "ПАРОЛ"],
      ["contraseñ", "CONTRASEÑ"],
      ["\\\\n\\d[^a]", "\\N1b"]
    ] as const)
      assert.isTrue(anyCase(`^${pattern}$`).test(text), pattern)
    assert.isFalse(anyCase("^[^a]$").test("A"))
  })

  it("keeps ranges, hyphens and escapes of classes", () => {
    assert.strictEqual(anyCase("[A-Za-z0-9_.-]{0,9}[\\s,-]").source, "[A-Za-z0-9_.-]{0,9}[\\s,-]")
  })

  it("does not ignore it in a group that says so, whatever is before and after the group", () => {
    const change = anyCase("pass(?-i:(?<=[a-z])(?=[A-Z])|(?=[A-Z][a-z]))w")
    assert.isTrue(change.test("passWord"))
    assert.isTrue(change.test("PASSWo"))
    assert.isFalse(change.test("PASSWORD"))
    assert.isFalse(change.test("password"))
  })
})
