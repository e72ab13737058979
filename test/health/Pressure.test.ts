import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Cgroup from "../../src/health/Cgroup.ts"
import { causesOf, type PressureReading, withReading } from "../../src/health/Pressure.ts"
import { pressureCheck } from "../../src/health/PressureCheck.ts"

/** A reading each second, of a container with half a core and 100 bytes. */
const readings = (
  seconds: number,
  each: (second: number) => { readonly cpu?: number; readonly memory?: number; readonly waits?: number }
): ReadonlyArray<PressureReading> => {
  let usedMs = 0
  let found: ReadonlyArray<PressureReading> = []
  for (let second = 0; second <= seconds; second++) {
    const { cpu, memory, waits } = each(second)
    usedMs += (cpu ?? 0) * 500
    found = withReading(found, {
      atMs: second * 1000,
      ...(cpu === undefined ? {} : { cpu: { usedMs, limitCores: 0.5 } }),
      ...(memory === undefined ? {} : { memory: { usedBytes: memory, limitBytes: 100 } }),
      ...(waits === undefined ? {} : { cpuWaits: waits })
    })
  }
  return found
}

describe("pressure", () => {
  it.each<readonly [string, ReadonlyArray<PressureReading>, ReadonlyArray<string>]>([
    ["91 % of the CPU for 15 seconds is an emergency", readings(15, () => ({ cpu: 0.91 })), ["cpu"]],
    ["14 seconds are not sustained", readings(14, () => ({ cpu: 1 })), []],
    ["90 % is not above 90 %", readings(20, () => ({ cpu: 0.9 })), []],
    ["a full CPU that nobody waits for is well used", readings(20, () => ({ cpu: 1, waits: 0.05 })), []],
    ["a full CPU that tasks wait for is not", readings(20, () => ({ cpu: 1, waits: 0.4 })), ["cpu"]],
    ["a burst of 10 seconds at the start is over soon", readings(30, (second) => ({ cpu: second < 10 ? 1 : 0.1 })), []],
    ["96 % of the memory for 3 seconds is an emergency", readings(3, () => ({ memory: 96 })), ["memory"]],
    ["a peak of the memory is not", readings(10, (second) => ({ memory: second % 3 === 0 ? 90 : 99 })), []],
    ["without limits nothing is claimed", readings(60, () => ({})), []]
  ])("%s", (_claim, found, keys) => {
    assert.deepStrictEqual(
      causesOf(found).map(({ key }) => key),
      keys
    )
  })
})

describe("the check of the pressure", () => {
  it.effect("reports every cause, so that a CPU that was dismissed hides no full memory", () =>
    Effect.gen(function* () {
      let second = 0
      const check = pressureCheck(
        Effect.sync(() => ({
          atMs: second * 1000,
          cpu: { usedMs: second++ * 1000, limitCores: 1 },
          memory: { usedBytes: 99, limitBytes: 100 }
        }))
      )
      for (let run = 0; run < 15; run++) yield* check.run
      const found = yield* check.run
      assert.deepStrictEqual(found._tag === "Unhealthy" ? found.emergencies?.map(({ key }) => key) : [], [
        "cpu",
        "memory"
      ])
    })
  )
})

describe("the reading of a cgroup", () => {
  const inFiles = (files: Readonly<Record<string, string>>, membership: string) =>
    Effect.acquireUseRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "cgroup-"))),
      (root) =>
        Effect.suspend(() => {
          for (const [path, text] of Object.entries(files)) {
            mkdirSync(join(root, path, ".."), { recursive: true })
            writeFileSync(join(root, path), `${text}\n`)
          }
          writeFileSync(join(root, "self"), membership)
          return Cgroup.read({ root, membership: join(root, "self") })
        }),
      (root) => Effect.sync(() => rmSync(root, { recursive: true }))
    )

  it.effect("of version 2 has limits, use without droppable files, and PSI", () =>
    Effect.gen(function* () {
      const reading = yield* inFiles(
        {
          "pod/cpu.max": "50000 100000",
          "pod/cpu.stat": "usage_usec 2500000\nuser_usec 1",
          "pod/memory.max": "1000",
          "pod/memory.current": "990",
          "pod/memory.stat": "anon 1\ninactive_file 60\nactive_file 40",
          "pod/cpu.pressure": "some avg10=12.50 avg60=1.00 avg300=0.10 total=5\nfull avg10=0.00"
        },
        "0::/pod\n"
      )
      assert.deepInclude(reading, {
        cpu: { limitCores: 0.5, usedMs: 2500 },
        memory: { limitBytes: 1000, usedBytes: 890 },
        cpuWaits: 0.125
      })
    })
  )

  it.effect("of version 1 is complete too", () =>
    Effect.gen(function* () {
      const reading = yield* inFiles(
        {
          "cpu/pod/cpu.cfs_quota_us": "200000",
          "cpu/pod/cpu.cfs_period_us": "100000",
          "cpuacct/pod/cpuacct.usage": "3000000000",
          "memory/memory.limit_in_bytes": "1000",
          "memory/memory.usage_in_bytes": "600"
        },
        "2:memory:/elsewhere\n1:cpu,cpuacct:/pod\n0::/\n"
      )
      assert.deepInclude(reading, {
        cpu: { limitCores: 2, usedMs: 3000 },
        memory: { limitBytes: 1000, usedBytes: 600 }
      })
    })
  )

  it.effect("without limits, or without cgroups, knows nothing", () =>
    Effect.gen(function* () {
      const unlimited = yield* inFiles(
        {
          "cpu.max": "max 100000",
          "cpu.stat": "usage_usec 1",
          "memory.max": "max",
          "memory.current": "5",
          "memory/memory.limit_in_bytes": "9223372036854771712",
          "memory/memory.usage_in_bytes": "5",
          "cpu/cpu.cfs_quota_us": "-1"
        },
        "0::/\n"
      )
      assert.deepStrictEqual(Object.keys(unlimited), ["atMs"])
      assert.deepStrictEqual(Object.keys(yield* inFiles({}, "")), ["atMs"])
    })
  )
})
