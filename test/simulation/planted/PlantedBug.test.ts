import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { all } from "./Bugs.ts"
import { edited } from "./PlantedBug.ts"

const sources = join(import.meta.dirname, "../../../src")

describe("the planted bugs", () => {
  it("each apply to the unchanged sources", () => {
    for (const bug of all) {
      for (const edit of bug.edits) edited(readFileSync(join(sources, edit.file), "utf8"), edit)
    }
  })
})

describe("an edit of a planted bug", () => {
  const edit = { file: "a.ts", search: "if (ready)", replace: "if ($&)" }

  it("replaces exactly its text", () => {
    assert.strictEqual(edited("x; if (ready) y", edit), "x; if ($&) y")
  })

  it("is refused if its text is missing, so that no bug is silently left out", () => {
    assert.throws(() => edited("if (isReady)", edit), /0 times in src\/a\.ts/)
  })

  it("is refused if its text occurs twice", () => {
    assert.throws(() => edited("if (ready) x; if (ready) y", edit), /2 times/)
  })
})
