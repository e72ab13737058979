/** The timeline of the degradation level while two services are in trouble at once: both flap, both are slow, or each. */

import { assert, describe, it } from "@effect/vitest"
import type { Fault } from "../../../src/simulation/faults/Fault.ts"
import { type Day, day, minuteMs, out, secondMs, type ServiceName, services } from "../fixtures/ScriptedDay.ts"

/** Each trouble of a day begins so long after the one before it, and lasts for so long. */
const cycleMs = 20 * minuteMs
const troubleMs = 6 * minuteMs

/** The service is out and back by turns. */
const flaps = (name: ServiceName, atMs: number): ReadonlyArray<Fault> => {
  const turnMs = 40 * secondMs
  return Array.from({ length: Math.floor(troubleMs / (2 * turnMs)) }, (_, turn) =>
    out([name], atMs + 2 * turn * turnMs, turnMs)
  ).flat()
}

const slow = {
  holmesgpt: { kind: "late-answer", parameters: { peers: ["holmesgpt"], byMs: 120_000 } },
  alpha: { kind: "late-answer", parameters: { peers: ["llm:alpha"], byMs: 120_000 } },
  beta: { kind: "late-answer", parameters: { peers: ["llm:beta"], byMs: 120_000 } },
  cluster: { kind: "network-latency", parameters: { peers: ["cluster"], mostMs: 4_000 } },
  storage: { kind: "storage-slow", parameters: { takesMs: 400 } },
  alertmanager: { kind: "alertmanager-away", parameters: { how: "hangs" } }
} as const satisfies Readonly<Record<ServiceName, Pick<Fault, "kind" | "parameters">>>

const isSlow = (name: ServiceName, atMs: number): ReadonlyArray<Fault> => [{ ...slow[name], atMs, forMs: troubleMs }]

type Trouble = (name: ServiceName, atMs: number) => ReadonlyArray<Fault>

const pairs = services.flatMap((one, index) => services.slice(index + 1).map((other) => [one, other] as const))

const startOf = (index: number): number => (index + 1) * cycleMs

const dayOf = (first: Trouble, second: Trouble): Day =>
  day(
    startOf(pairs.length),
    pairs.flatMap(([one, other], index) => [...first(one, startOf(index)), ...second(other, startOf(index))])
  )

/** When the level rose. */
const risesMs = ({ moves }: Day): ReadonlyArray<number> =>
  moves.filter(({ level }, index) => level < (moves[index - 1]?.level ?? 0)).map(({ atMs }) => atMs)

/** Two services are never an emergency, and never all models. What a pair costs is over before the next one. */
const follows = (troubled: Day): void => {
  assert.deepStrictEqual(troubled.wrong, [])
  risesMs(troubled).forEach((atMs, index, rises) => {
    if (index > 0) assert.isAtLeast(atMs - rises[index - 1]!, 5 * minuteMs, `the rise at ${atMs} ms`)
  })
  pairs.forEach(([one, other], index) => {
    const about = `${one} and ${other}`
    assert.strictEqual(troubled.levelAt(startOf(index)), 0, `before ${about}`)
    const during = troubled.moves.filter(({ atMs }) => atMs >= startOf(index) && atMs < startOf(index + 1))
    const worst = Math.max(0, ...during.map(({ level }) => level))
    assert.isAtMost(worst, one === "holmesgpt" ? 1 : 0, `the level during ${about}`)
  })
  assert.strictEqual(troubled.levelAt(startOf(pairs.length) - minuteMs), 0)
}

describe("a scripted day on which two services at a time", { timeout: 120_000 }, () => {
  it("flap: the level rises at most once in five minutes, and is back before the next pair", () => {
    const flapping = dayOf(flaps, flaps)
    follows(flapping)
    assert.isAtLeast(risesMs(flapping).length, 5)
  })

  it("are slow: no level but that without HolmesGPT, and none for good", () => {
    const slowed = dayOf(isSlow, isSlow)
    follows(slowed)
    assert.isAtLeast(risesMs(slowed).length, 1)
  })

  it("are in different trouble: one flaps while the other is slow", () => {
    follows(dayOf(flaps, isSlow))
    follows(dayOf(isSlow, flaps))
  })
})
