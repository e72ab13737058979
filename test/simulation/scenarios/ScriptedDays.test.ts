/**
 * The timeline of the degradation level through scripted days: the outage of each service, of pairs and of all,
 * services that flap, are slow or fail in part, relapses, restarts at each level, a full container, and operators.
 */

import { assert, describe, it } from "@effect/vitest"
import type { DegradationLevel } from "../../../src/domain/DegradationLevel.ts"
import { type Day, day, minuteMs, out, secondMs, type ServiceName, services } from "../fixtures/ScriptedDay.ts"

/** Each outage of a day begins so long after the one before it, and lasts for so long. */
const cycleMs = 10 * minuteMs
const outageMs = 3 * minuteMs

/** A service is probed each half minute when no call was made for a minute, and is out after five failures. */
const foundWithinMs = 100 * secondMs
/** The circuit is probed each half minute, and then the level waits for half a minute. */
const backWithinMs = 70 * secondMs

type Outage = readonly [names: ReadonlyArray<ServiceName>, level: DegradationLevel]

const dayOf = (outages: ReadonlyArray<Outage>): Day =>
  day(
    (outages.length + 1) * cycleMs,
    outages.flatMap(([names], index) => out(names, (index + 1) * cycleMs, outageMs))
  )

/**
 * The level falls in time to what is expected and no further, stays there, and rises when all are back: once, or twice
 * where their circuits close more than half a minute apart.
 */
const follows = ({ levelAt, moves, wrong }: Day, outages: ReadonlyArray<Outage>): void => {
  assert.deepStrictEqual(wrong, [])
  outages.forEach(([names, level], index) => {
    const fromMs = (index + 1) * cycleMs
    const about = names.join(" and ")
    assert.strictEqual(levelAt(fromMs), 0, `before ${about}`)
    const timeline = moves.filter(({ atMs }) => atMs >= fromMs && atMs < fromMs + cycleMs)
    const falls = timeline.filter((move, place) => move.level > (timeline[place - 1]?.level ?? 0))
    assert.strictEqual(falls.at(-1)?.level ?? 0, level, `the lowest level without ${about}`)
    const rises = timeline.filter((move) => !falls.includes(move))
    assert.deepStrictEqual(rises.at(-1)?.level, level === 0 ? undefined : 0, `the last rise after ${about}`)
    assert.isAtMost(rises.length, level > 1 ? 2 : 1, `the rises after ${about}`)
    const apartMs = Math.max(0, rises.length - 1) * 5 * minuteMs
    for (const { atMs } of falls) assert.isAtMost(atMs - fromMs, foundWithinMs, `the fall without ${about}`)
    const backMs = timeline.at(-1)?.atMs ?? fromMs + outageMs
    assert.isAtLeast(backMs, fromMs + outageMs, `the rise after ${about}`)
    assert.isAtMost(backMs, fromMs + outageMs + backWithinMs + apartMs, `the rise after ${about}`)
  })
}

const pairs = services.flatMap((one, index) =>
  services.slice(index + 1).map((other): Outage => [[one, other], one === "holmesgpt" ? 1 : 0])
)

describe("a scripted day", { timeout: 120_000 }, () => {
  it("without one service after the other: only the absence of HolmesGPT is a lesser level, without all of them it is an emergency", () => {
    const outages: ReadonlyArray<Outage> = [
      [["holmesgpt"], 1],
      [["alpha"], 0],
      [["beta"], 0],
      [["cluster"], 0],
      [["storage"], 0],
      [["alertmanager"], 0],
      [["holmesgpt", "alpha", "beta"], 2],
      [["holmesgpt", "alpha", "beta", "storage"], 3],
      [["alpha", "cluster", "storage", "alertmanager"], 3],
      [services, 3]
    ]
    follows(dayOf(outages), outages)
  })

  it("without each pair of services", () => follows(dayOf(pairs), pairs))

  it("says why: the services that are out, and that we are cut off where no peer answers", () => {
    const all = day(18 * minuteMs, out(services, 10 * minuteMs, outageMs), { visitors: true })
    const last = all.said.findLast(({ isCutOff, level }) => level === 3 && isCutOff)
    assert.strictEqual(last?.reasons[0], "We are cut off: none of the 5 peers answers")
    assert.match(last?.reasons[1] ?? "", /^\d services are out at once: holmesgpt, llm:alpha, llm:beta/)
    const isolated = day(20 * minuteMs, [
      { kind: "total-isolation", atMs: 10 * minuteMs, forMs: outageMs, parameters: { how: "refused" } }
    ])
    assert.deepStrictEqual([...all.wrong, ...isolated.wrong], [])
    assert.isTrue(isolated.said.some(({ isCutOff, level }) => isCutOff && level === 3))
    assert.strictEqual(isolated.levelAt(19 * minuteMs), 0)
  })

  it("an emergency begins in the moment in which the fourth service goes out", () => {
    const { breakers, moves } = day(
      14 * minuteMs,
      out(["holmesgpt", "alpha", "beta", "cluster"], 10 * minuteMs, outageMs)
    )
    const opened = new Map(
      breakers
        .filter(({ to }) => to === "Open")
        .toReversed()
        .map(({ atMs, breaker }) => [breaker, atMs])
    )
    assert.strictEqual(opened.size, 4)
    assert.strictEqual(moves.find(({ level }) => level === 3)?.atMs, Math.max(...opened.values()))
  })
})
