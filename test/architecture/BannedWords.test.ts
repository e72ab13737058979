import { assert, describe, it } from "@effect/vitest"
import { bans, violations } from "./BannedWords.ts"
import { files } from "./SourceTree.ts"

const inSource = (text: string, path = "src/domain/Alert.ts") => violations({ path, text })

describe("banned words", () => {
  it("occur nowhere in the project", () => {
    assert.deepStrictEqual(files(/(?<!go\.sum)$/).flatMap(violations), [])
  })

  it("are reported with their line and a replacement", () => {
    assert.deepStrictEqual(inSource("const a = 1\nconst b = new Date()\n"), [
      `src/domain/Alert.ts:2: not "new Date()" but Clock.currentTimeMillis, and new Date(ms)`
    ])
  })

  it("are each found in a line that a careless author would write", () => {
    const careless: ReadonlyArray<string | readonly [line: string, path: string]> = [
      "// TODO: later",
      "const now = new Date()",
      ["const nowMs = yield* Clock.currentTimeMillis", "src/resilience/pipeline/Pipeline.ts"],
      `import { Http } from "effect/unstable/http"`,
      `import * as Schema from "@effect/schema"`,
      `import fc from "fast-check"`,
      "/** What this module is. */\nimport a",
      "// a failure can be had again",
      "// @ts-ignore",
      "see /home/me/kubernaut for more",
      "see ../shared/notes for more",
      "https://registry.npmjs.org/effect"
    ]
    assert.strictEqual(careless.length, bans.length)
    for (const [index, each] of careless.entries()) {
      const [line, path] = typeof each === "string" ? [each] : each
      assert.strictEqual(inSource(line, path).length, 1, line)
      assert.isTrue(bans[index]?.word.test(line), line)
    }
  })

  it("allow a Date from a known time, and the real clock in integration tests", () => {
    assert.deepStrictEqual(inSource("new Date(nowMs)"), [])
    assert.deepStrictEqual(inSource("new Date()", "test/http/Server.integration.test.ts"), [])
  })

  it("allow the wall clock where people or the journal need it", () => {
    assert.deepStrictEqual(inSource("Clock.currentTimeMillis", "src/intake/Intake.ts"), [])
  })
})
