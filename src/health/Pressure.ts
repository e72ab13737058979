/**
 * Whether the container has used up its CPU or memory, from readings of its cgroup. Pure.
 *
 * | cause of an emergency          | sustained means                                                                    |
 * | ------------------------------ | ---------------------------------------------------------------------------------- |
 * | CPU above 90 % of the limit    | on average over the last 15 seconds, and tasks wait for it (PSI), if that is known |
 * | memory above 95 % of the limit | in every reading of the last 3 seconds. Files that can be dropped do not count     |
 *
 * Without a limit nothing is claimed. The figures are those of `docs/requirements.md` ("Emergency").
 */

import type { EmergencyCause } from "./Check.ts"

/** One reading of the cgroup. What is absent has no limit, or is not known. */
export interface PressureReading {
  /** By the monotonic clock. */
  readonly atMs: number
  /** CPU time used since the cgroup exists, and how many cores may be used. */
  readonly cpu?: { readonly usedMs: number; readonly limitCores: number }
  readonly memory?: { readonly usedBytes: number; readonly limitBytes: number }
  /** PSI: the share of the last 10 seconds in which a task waited for CPU, 0 to 1. */
  readonly cpuWaits?: number
}

const cpuWindowMs = 15_000
const memoryWindowMs = 3_000
const mostCpu = 0.9
const mostMemory = 0.95
/** Without waiting tasks, a full CPU is well used. */
const leastWaits = 0.1

/** The readings that `causesOf` needs, with the newest one. */
export const withReading = (
  before: ReadonlyArray<PressureReading>,
  reading: PressureReading
): ReadonlyArray<PressureReading> => {
  const readings = [...before, reading]
  // One reading from before the window, to measure over the whole of it.
  const first = readings.findLastIndex(({ atMs }) => reading.atMs - atMs >= cpuWindowMs)
  return readings.slice(Math.max(0, first))
}

/** The share of the CPU limit that was used over the window; `undefined` if the readings do not span it. */
export const cpuShare = (readings: ReadonlyArray<PressureReading>): number | undefined => {
  const [first, last] = [readings[0], readings.at(-1)]
  if (first?.cpu === undefined || last?.cpu === undefined || last.atMs - first.atMs < cpuWindowMs) return undefined
  return (last.cpu.usedMs - first.cpu.usedMs) / (last.atMs - first.atMs) / last.cpu.limitCores
}

const memoryShare = ({ memory }: PressureReading): number | undefined =>
  memory === undefined ? undefined : memory.usedBytes / memory.limitBytes

const percent = (share: number): string => `${Math.round(share * 100)} %`

/** What the readings show: the newest shares, and the causes of an emergency. */
export const causesOf = (readings: ReadonlyArray<PressureReading>): ReadonlyArray<EmergencyCause> => {
  const last = readings.at(-1)
  if (last === undefined) return []
  const cpu = cpuShare(readings)
  const recent = readings.filter(({ atMs }) => last.atMs - atMs <= memoryWindowMs).map(memoryShare)
  const spans = last.atMs - (readings[0]?.atMs ?? last.atMs) >= memoryWindowMs
  const isFull = spans && recent.every((share) => share !== undefined && share > mostMemory)
  return [
    ...(cpu !== undefined && cpu > mostCpu && (last.cpuWaits ?? 1) >= leastWaits
      ? [{ key: "cpu", cause: `CPU is at ${percent(cpu)} of the container's limit for 15 seconds` }]
      : []),
    ...(isFull ? [{ key: "memory", cause: `memory is above ${percent(mostMemory)} of the container's limit` }] : [])
  ]
}

/** The newest shares, for people. */
export const describe = (readings: ReadonlyArray<PressureReading>): string => {
  const last = readings.at(-1)
  const cpu = cpuShare(readings)
  const memory = last === undefined ? undefined : memoryShare(last)
  return [
    cpu === undefined ? "CPU: no limit, or not measured yet" : `CPU: ${percent(cpu)} of the limit`,
    memory === undefined ? "memory: no limit" : `memory: ${percent(memory)} of the limit`
  ].join(", ")
}
