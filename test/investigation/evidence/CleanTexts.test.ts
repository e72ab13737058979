import { assert, describe, it } from "@effect/vitest"
import { CleanTexts } from "../../../src/investigation/evidence/CleanTexts.ts"
import { redact } from "../../../src/investigation/evidence/Redaction.ts"

describe("CleanTexts", () => {
  it("knows the newest 4096 texts, and at most 8192", () => {
    const texts = new CleanTexts()
    for (let text = 0; text < 20_000; text++) texts.add(String(text))
    const known = Array.from({ length: 20_000 }, (_, age) => texts.has(String(19_999 - age)))
    assert.isTrue(known.slice(0, 4096).every(Boolean))
    assert.isAtMost(known.filter(Boolean).length, 8192)
  })

  it("does not forget a text that is asked for", () => {
    const texts = new CleanTexts()
    texts.add("asked for")
    for (let text = 0; text < 20_000; text++) {
      texts.add(String(text))
      assert.isTrue(texts.has("asked for"))
    }
  })

  it("does not take a text for another one that is a character longer", () => {
    const texts = new CleanTexts()
    texts.add("password=")
    assert.isFalse(texts.has("password=x"))
  })
})

describe("redact", () => {
  it("finds the secret of a text each time", () => {
    for (let time = 0; time < 3; time++) assert.strictEqual(redact("password=hunter2"), "password=[redacted:value]")
  })
})
