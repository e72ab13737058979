import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { DegradationLevel } from "../../src/domain/DegradationLevel.ts"
import { defaultTimes, type LevelTrack, startAt, step } from "../../src/health/LevelTransition.ts"

type Found = readonly [atS: number, level: DegradationLevel]

/** The changes of the level, in seconds, as the fiber makes them: at every finding, and when a step asks for it. */
const timeline = (found: ReadonlyArray<Found>, untilS: number, from: LevelTrack = startAt(0)): ReadonlyArray<Found> => {
  const moves: Array<Found> = []
  let track = from
  const take = (level: DegradationLevel, nowMs: number): number => {
    const next = step(track, level, nowMs, defaultTimes)
    if (next.track.level !== track.level) moves.push([nowMs / 1000, next.track.level])
    track = next.track
    return next.againAtMs
  }
  for (const [index, [atS, level]] of found.entries()) {
    const endMs = (found[index + 1]?.[0] ?? untilS) * 1000
    let againMs = take(level, atS * 1000)
    while (againMs < endMs) againMs = take(level, againMs)
  }
  return moves
}

describe("the level", () => {
  it.each<readonly [string, ReadonlyArray<Found>, ReadonlyArray<Found>]>([
    ["falls at once", [[10, 2]], [[10, 2]]],
    [
      "falls further at once",
      [
        [10, 1],
        [11, 3]
      ],
      [
        [10, 1],
        [11, 3]
      ]
    ],
    [
      "rises after 30 seconds",
      [
        [10, 1],
        [60, 0]
      ],
      [
        [10, 1],
        [90, 0]
      ]
    ],
    [
      "does not rise when the better level lasts for less",
      [
        [10, 1],
        [60, 0],
        [89, 1]
      ],
      [[10, 1]]
    ],
    [
      "counts the 30 seconds again after a relapse",
      [
        [10, 1],
        [60, 0],
        [89, 1],
        [100, 0]
      ],
      [
        [10, 1],
        [130, 0]
      ]
    ],
    [
      "rises in one step when everything is back within seconds",
      [
        [10, 2],
        [60, 1],
        [70, 0]
      ],
      [
        [10, 2],
        [100, 0]
      ]
    ],
    [
      "waits for a still better level, until that is gone again",
      [
        [0, 2],
        [60, 1],
        [89, 0],
        [118, 1]
      ],
      [
        [0, 2],
        [118, 1]
      ]
    ],
    [
      "rises to the level that has lasted, whatever a better one does",
      [
        [0, 2],
        [60, 1],
        [80, 0],
        [85, 1]
      ],
      [
        [0, 2],
        [90, 1]
      ]
    ],
    [
      "rises again after 5 minutes at the earliest",
      [
        [0, 1],
        [10, 0],
        [50, 1],
        [60, 0]
      ],
      [
        [0, 1],
        [40, 0],
        [50, 1],
        [340, 0]
      ]
    ],
    [
      "leaves an emergency like any level",
      [
        [0, 3],
        [10, 0]
      ],
      [
        [0, 3],
        [40, 0]
      ]
    ],
    [
      "stays where it is while nothing changes",
      [
        [0, 0],
        [100, 0]
      ],
      []
    ]
  ])("%s", (_claim, found, moves) => {
    assert.deepStrictEqual(timeline(found, 1000), moves)
  })

  it("of a process that was restarted rises after the dwell, and not within 5 minutes of the rise before it", () => {
    assert.deepStrictEqual(timeline([[0, 0]], 1000, startAt(2)), [[30, 0]])
    assert.deepStrictEqual(timeline([[0, 0]], 1000, startAt(2, -100_000)), [[200, 0]])
  })

  const Anything = Schema.NonEmptyArray(
    Schema.Struct({ forS: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 90 })), level: DegradationLevel })
  )
  const foundOf = (
    parts: ReadonlyArray<{ readonly forS: number; readonly level: DegradationLevel }>
  ): ReadonlyArray<Found> => {
    let atS = 0
    return parts.map(({ forS, level }) => {
      const found: Found = [atS, level]
      atS += forS
      return found
    })
  }

  it.prop(
    "is never better than what is found, rises at most once in 5 minutes, and comes back to 0",
    [Anything],
    ([anything]) => {
      const found = foundOf(anything)
      const endS = found.reduce((total, _, index) => total + anything[index]!.forS, 0)
      const moves = timeline([...found, [endS, 0]], endS + 1000)
      const rises = moves.filter(([, level], index) => level < (moves[index - 1]?.[1] ?? 0))
      for (const [index, [atS]] of rises.entries()) if (index > 0) assert.isAtLeast(atS - rises[index - 1]![0], 300)
      for (const [atS, level] of found) {
        const then = moves.findLast(([at]) => at <= atS)?.[1] ?? 0
        assert.isAtLeast(then, level)
      }
      assert.strictEqual(moves.at(-1)?.[1] ?? 0, 0)
    }
  )
})
