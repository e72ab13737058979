/** Copies of entries that the database refuses. */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { type SpoolDisturbance, SpoolFiles as Folder } from "../../../src/simulation/farEnds/SpoolFolder.ts"
import { SpoolFault } from "../../../src/storage/spool/SpoolDisk.ts"
import { open } from "../../../src/storage/spool/SpoolFiles.ts"
import { entryOf, lineOf } from "../../../src/storage/spool/SpoolFormat.ts"
import { firing, named } from "./Posts.ts"

/** A spool with one entry, and the name of the copy of that. */
const machine = Effect.gen(function* () {
  const faults: Array<SpoolDisturbance> = []
  const disk = new Folder(faults).diskOf(1)
  const files = yield* open(disk, { maxBytes: 64 * 1024, reservedBytes: 8 * 1024 })
  yield* files.append([firing("a")])
  const { entry } = Option.getOrThrow(yield* files.oldest)
  return { disk, entry, faults, files, name: `refused-${entry.spool}-${entry.sequence}.spool` }
})

const full: SpoolDisturbance = {
  before: (operation, name) =>
    operation === "write" ? new SpoolFault({ reason: "full", detail: `${name}: ENOSPC` }) : undefined
}

describe("the copy of an entry that the database refuses", () => {
  it.effect("takes the place of an empty file, of a part of it, and of another entry", () =>
    Effect.gen(function* () {
      for (const partOf of [
        () => new Uint8Array(),
        (line: Uint8Array) => line.subarray(0, 40),
        (_: Uint8Array, other: Uint8Array) => other
      ]) {
        const { disk, entry, files, name } = yield* machine
        yield* disk.create(name, 0)
        yield* disk.write(name, 0, partOf(lineOf(entry), lineOf({ ...entry, sequence: 2 })))
        assert.strictEqual(yield* files.keep(entry), name)
        assert.deepStrictEqual(entryOf(yield* disk.read(name)), entry)
        assert.sameMembers([...(yield* disk.files)], ["alerts-000001.spool", name])
      }
    })
  )

  it.effect("is kept once: a second attempt needs no space", () =>
    Effect.gen(function* () {
      const { disk, entry, faults, files, name } = yield* machine
      yield* files.keep(entry)
      faults.push(full)
      assert.strictEqual(yield* files.keep(entry), name)
      assert.strictEqual(named(entryOf(yield* disk.read(name))!), "a")
    })
  )

  it.effect("has no name before all of it is on disk", () =>
    Effect.gen(function* () {
      const { disk, entry, faults, files, name } = yield* machine
      faults.push(full)
      assert.strictEqual((yield* Effect.flip(files.keep(entry))).reason, "full")
      assert.notInclude(yield* disk.files, name)
      assert.deepInclude(files.waiting(), { posts: 1 })
    })
  )
})
