import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SpoolFiles } from "../../../src/simulation/farEnds/SpoolFolder.ts"
import { entryOf, lineOf } from "../../../src/storage/spool/SpoolFormat.ts"
import { firing } from "../../storage/spool/Posts.ts"

describe("the folder of the spool", () => {
  it.effect("reports the entries of a file that is removed as erased", () =>
    Effect.gen(function* () {
      const erased: Array<number | undefined> = []
      const files = new SpoolFiles(
        [],
        () => {},
        () => true,
        ({ content }) => void erased.push(entryOf(content)?.sequence)
      )
      const disk = files.diskOf(1)
      yield* disk.create("a.spool", 0)
      const lines = [1, 2].map((sequence) => lineOf({ spool: "s", sequence, ...firing("alert") }))
      yield* disk.write("a.spool", 0, Buffer.concat(lines))
      yield* disk.sync("a.spool")
      assert.deepStrictEqual(erased, [])
      yield* disk.remove("a.spool")
      assert.deepStrictEqual(erased, [1, 2])
    })
  )
})
