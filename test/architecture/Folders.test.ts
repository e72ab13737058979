import { assert, describe, it } from "@effect/vitest"
import { namelessPaths, undescribed, unmirrored } from "./Folders.ts"
import { allPaths, files, foldersUnder } from "./SourceTree.ts"

describe("folders", () => {
  it("and files are named after concepts", () => {
    assert.deepStrictEqual(namelessPaths(allPaths()), [])
    assert.strictEqual(namelessPaths(["src/utils/Retry.ts", "src/intake/types.ts", "test/common/A.ts"]).length, 3)
    assert.deepStrictEqual(namelessPaths(["src/storage/StorageError.ts", "src/kubernetes/ObjectModel.ts"]), [])
  })

  it("of test mirror those of src", () => {
    assert.deepStrictEqual(unmirrored(foldersUnder("test"), foldersUnder("src")), [])
    assert.deepStrictEqual(unmirrored(["billing", "domain", "benchmark"], ["domain"]), [
      "test/billing mirrors no src/billing"
    ])
  })

  it("of src each have a line in ARCHITECTURE.md", () => {
    const architecture = files(/^ARCHITECTURE\.md$/)
      .map((file) => file.text)
      .join("")
    assert.deepStrictEqual(undescribed(foldersUnder("src"), architecture), [])
  })

  it("are not described by a word that occurs by chance", () => {
    assert.deepStrictEqual(undescribed(["intake"], "the intake of alerts"), [
      "ARCHITECTURE.md has no line for src/intake"
    ])
    assert.deepStrictEqual(undescribed(["intake"], "| `src/intake` | the webhook |"), [])
    assert.deepStrictEqual(undescribed(["intake"], "    intake/   the webhook"), [])
  })
})
