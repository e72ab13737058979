import { assert, describe, it } from "@effect/vitest"
import type { LevelRecord } from "../../../src/domain/LevelRecord.ts"
import type { Kept } from "../../../src/storage/LevelBeginning.ts"
import * as LevelParts from "../../../src/storage/sqlite/LevelParts.ts"

const recordOf = (level: 0 | 2 | 3): LevelRecord => ({
  level,
  automatic: level,
  reasons: [],
  since: "2026-01-01T00:00:00.000Z",
  out: [],
  dismissed: []
})
const part = (level: 0 | 2 | 3, beat: number): LevelParts.Part => ({ level, isCutOff: false, beat })
const file = (name: string, level: 0 | 2 | 3, beat: number): Kept => ({
  name,
  beat,
  record: recordOf(level),
  over: new Map(),
  isLocked: true
})
const levelsOf = (processes: LevelParts.Parts, files: ReadonlyArray<Kept>) =>
  LevelParts.inForce(processes, Object.entries(processes), files).map(({ level }) => level)

describe("what others are in, for a line that is recorded", () => {
  it("is what the row says of a process that has said more since its file was read", () => {
    assert.deepStrictEqual(levelsOf({ a: part(0, 7) }, [file("a", 3, 6)]), [])
  })

  it("is what the file of a process says where the row has nothing newer", () => {
    assert.deepStrictEqual(levelsOf({ a: part(3, 6) }, [file("a", 0, 7)]), [])
    assert.deepStrictEqual(levelsOf({ a: part(3, 6) }, [file("a", 2, 6)]), [2])
    assert.deepStrictEqual(levelsOf({}, [file("a", 3, 1)]), [3])
  })

  it("is nothing of a process that has ended in order", () => {
    assert.deepStrictEqual(levelsOf({ a: { ...part(3, 6), isOver: true }, b: part(2, 1) }, []), [2])
  })
})
