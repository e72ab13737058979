/**
 * The timeline of the degradation level when services flap, are slow, fail in part or relapse, when the service is
 * restarted at each level, when its container is full, and when operators declare an emergency and end it.
 */

import { assert, describe, it } from "@effect/vitest"
import type { DegradationLevel } from "../../../src/domain/DegradationLevel.ts"
import type { Fault } from "../../../src/simulation/faults/Fault.ts"
import { type Day, day, minuteMs, out, secondMs, type ServiceName } from "../fixtures/ScriptedDay.ts"

const beginsMs = 10 * minuteMs
const holmesgpt = { peers: ["holmesgpt"] }

const fault = (kind: string, forMs: number, parameters: Fault["parameters"], atMs = beginsMs): Fault => ({
  kind,
  atMs,
  forMs,
  parameters
})

const levels = ({ moves }: Day): ReadonlyArray<DegradationLevel> => moves.map(({ level }) => level)

/** When the level rose. */
const risesMs = ({ moves }: Day): ReadonlyArray<number> =>
  moves.filter(({ level }, index) => level < (moves[index - 1]?.level ?? 0)).map(({ atMs }) => atMs)

const sparse = (times: ReadonlyArray<number>): boolean =>
  times.every((atMs, index) => index === 0 || atMs - times[index - 1]! >= 5 * minuteMs)

describe("the level", { timeout: 120_000 }, () => {
  it("of a service that flaps falls once and rises at most once in five minutes, and comes back for good", () => {
    for (const turnMs of [20 * secondMs, 100 * secondMs]) {
      const flapping = day(38 * minuteMs, [fault("flapping", 18 * minuteMs, { ...holmesgpt, turnMs })])
      assert.deepStrictEqual(flapping.wrong, [])
      assert.isTrue(sparse(risesMs(flapping)), `turns of ${turnMs} ms`)
      assert.isAtLeast(risesMs(flapping).length, 1)
      assert.isAtMost(risesMs(flapping).length, 5)
      assert.isTrue(levels(flapping).every((level) => level <= 1))
      assert.strictEqual(flapping.levelAt(37 * minuteMs), 0)
    }
  })

  it("of a service that never responds, or too late, falls as that of one that is down", () => {
    for (const slow of [
      fault("dependency-hang", 5 * minuteMs, { ...holmesgpt, probes: true }),
      fault("dependency-hang", 5 * minuteMs, { ...holmesgpt, probes: false }),
      fault("late-answer", 5 * minuteMs, { ...holmesgpt, byMs: 120_000 })
    ]) {
      const slowDay = day(25 * minuteMs, [slow])
      assert.deepStrictEqual(slowDay.wrong, [])
      assert.include(levels(slowDay), 1, JSON.stringify(slow))
      assert.isTrue(sparse(risesMs(slowDay)))
      assert.strictEqual(slowDay.levelAt(24 * minuteMs), 0)
    }
  })

  it("of a service that fails a few calls stays, and of one that fails most it falls", () => {
    const failing = (share: number) =>
      day(25 * minuteMs, [fault("error-storm", 6 * minuteMs, { ...holmesgpt, share, status: 503, probes: false })])
    const few = failing(0.1)
    const most = failing(0.95)
    assert.deepStrictEqual([...few.wrong, ...most.wrong], [])
    assert.deepStrictEqual(levels(few), [0])
    assert.include(levels(most), 1)
    assert.strictEqual(most.levelAt(24 * minuteMs), 0)
  })

  it("of a service whose probes lie follows the real calls, and comes back", () => {
    for (const says of ["well", "ill"]) {
      const lying = day(25 * minuteMs, [fault("probes-lie", 6 * minuteMs, { ...holmesgpt, says })])
      assert.deepStrictEqual(lying.wrong, [])
      if (says === "well") assert.include(levels(lying), 1)
      assert.isTrue(sparse(risesMs(lying)))
      assert.strictEqual(lying.levelAt(24 * minuteMs), 0)
    }
  })

  it("of a service that relapses while it recovers rises at most once in five minutes, and the service is left alone for longer", () => {
    // It is back for a minute at a time.
    const relapses = day(
      28 * minuteMs,
      [0, 1, 2].flatMap((time) => out(["holmesgpt"], beginsMs + time * 130 * secondMs, 70 * secondMs))
    )
    assert.deepStrictEqual(relapses.wrong, [])
    assert.strictEqual(levels(relapses)[1], 1)
    assert.isTrue(sparse(risesMs(relapses)))
    assert.isAtMost(risesMs(relapses).length, 2)
    assert.strictEqual(relapses.levelAt(27 * minuteMs), 0)
  })

  const away: ReadonlyArray<readonly [level: DegradationLevel, names: ReadonlyArray<ServiceName>]> = [
    [0, ["alpha"]],
    [1, ["holmesgpt"]],
    [2, ["holmesgpt", "alpha", "beta"]],
    [3, ["holmesgpt", "alpha", "beta", "cluster"]]
  ]
  for (const [level, names] of away) {
    it(`of a service that is restarted at ${level} is ${level} from its first moment, and rises once, after the outage`, () => {
      const restarted = day(25 * minuteMs, [
        ...out(names, beginsMs, 8 * minuteMs),
        ...[3, 6].map((minute) => fault("process-crash", 0, { afterSteps: 1 }, beginsMs + minute * minuteMs))
      ])
      assert.deepStrictEqual(restarted.wrong, [])
      for (const atMs of restarted.readyMs.slice(1))
        assert.strictEqual(restarted.moves.find((move) => move.atMs >= atMs)?.level, level)
      assert.strictEqual(restarted.readyMs.length, 3)
      assert.strictEqual(risesMs(restarted).length, level === 0 ? 0 : 1)
      assert.strictEqual(restarted.levelAt(24 * minuteMs), 0)
    })
  }

  it("of a full container is 3 within five seconds after that is sustained, and 0 half a minute after it ends", () => {
    const loads = [
      { cpu: 0.97, memory: 0.4, waits: true, sustainedMs: 15 * secondMs, reason: /^CPU is at \d+ %/ },
      { cpu: 0.2, memory: 0.97, waits: false, sustainedMs: 3 * secondMs, reason: /^memory is above 95 %/ }
    ]
    for (const { reason, sustainedMs, ...load } of loads) {
      const full = day(15 * minuteMs, [fault("container-pressure", 2 * minuteMs, load)], { pressure: true })
      assert.deepStrictEqual(full.wrong, [])
      assert.deepStrictEqual(levels(full), [0, 3, 0])
      assert.isAtMost(full.moves[1]!.atMs - beginsMs, sustainedMs + 5 * secondMs)
      assert.match(full.moves[1]!.reasons[0] ?? "", reason)
      assert.isAtLeast(full.moves[2]!.atMs - beginsMs, 150 * secondMs)
      assert.isAtMost(full.moves[2]!.atMs - beginsMs, 170 * secondMs)
    }
    // It uses all of its CPU, and nothing waits for it.
    const busy = day(
      13 * minuteMs,
      [fault("container-pressure", 2 * minuteMs, { cpu: 1, memory: 0.9, waits: false })],
      {
        pressure: true
      }
    )
    assert.deepStrictEqual(levels(busy), [0])
  })

  it("is 3 in the moment in which an operator declares an emergency, through a restart, until the operator ends it", () => {
    const declared = day(18 * minuteMs, [
      fault("operator-declares-emergency", 5 * minuteMs, {}),
      fault("process-crash", 0, { afterSteps: 1 }, beginsMs + 2 * minuteMs)
    ])
    assert.deepStrictEqual(declared.wrong, [])
    assert.deepStrictEqual(levels(declared), [0, 3, 3, 0])
    assert.strictEqual(declared.moves[1]!.atMs, beginsMs)
    assert.match(declared.moves[1]!.reasons[0] ?? "", /^ada has declared an emergency/)
    assert.strictEqual(declared.moves[3]!.atMs, beginsMs + 5 * minuteMs)
  })

  it("rises when an operator ends an emergency that was found, although the services are still out", () => {
    const dismissed = day(30 * minuteMs, [
      ...out(["holmesgpt", "alpha", "beta", "cluster"], beginsMs, 10 * minuteMs),
      fault("operator-declares-emergency", 5 * minuteMs, {}, beginsMs + 2 * minuteMs)
    ])
    assert.deepStrictEqual(dismissed.wrong, [])
    assert.strictEqual(dismissed.levelAt(beginsMs + 6 * minuteMs), 3)
    assert.strictEqual(dismissed.levelAt(beginsMs + 8 * minuteMs), 2)
    assert.strictEqual(dismissed.levelAt(29 * minuteMs), 0)
  })
})
