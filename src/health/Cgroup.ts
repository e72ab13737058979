/**
 * Reads the CPU and memory of the cgroup of this process: version 2, or version 1 where a controller has that. A file
 * that cannot be read is a value that is not known. Reading takes microseconds, because the files are in memory.
 */

import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import * as Monotonic from "../resilience/Monotonic.ts"
import type { PressureReading } from "./Pressure.ts"

/** Where the cgroups are mounted, and which one is read. */
export interface CgroupOptions {
  /** Default `/sys/fs/cgroup`. */
  readonly root?: string
  /** The file that names the cgroups of the process. Default `/proc/self/cgroup`. */
  readonly membership?: string
}

const textOf = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8").trim()
  } catch {
    return undefined
  }
}

/** More than any machine has: version 1 writes "no limit" so. */
const noLimit = 2 ** 60

const numberOf = (text: string | undefined): number | undefined => {
  const value = text === undefined || text === "" ? Number.NaN : Number(text)
  return Number.isFinite(value) && value >= 0 && value < noLimit ? value : undefined
}

/** A line `name value`. */
const lineOf = (text: string | undefined, name: string): number | undefined =>
  numberOf(
    text
      ?.split("\n")
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1)
  )

/** Reads a file of the cgroup, or of the mount where a container sees only its own cgroup. */
const reader = (mount: string, path: string) => (file: string) =>
  textOf(join(mount, path, file)) ?? textOf(join(mount, file))

/** Both lists of cached files: the kernel drops them before it ends a process. */
const filesOf = (stat: string | undefined, prefix = ""): number =>
  ["inactive_file", "active_file"].reduce((sum, name) => sum + (lineOf(stat, `${prefix}${name}`) ?? 0), 0)

const memoryOf = (limit: number | undefined, used: number | undefined, files: number) =>
  limit === undefined || used === undefined
    ? {}
    : { memory: { limitBytes: limit, usedBytes: Math.max(0, used - files) } }

const cpuOf = (quota: number | undefined, period: number | undefined, usedMs: number | undefined) =>
  quota === undefined || period === undefined || period === 0 || usedMs === undefined
    ? {}
    : { cpu: { limitCores: quota / period, usedMs } }

const version2 = (read: (file: string) => string | undefined): Omit<PressureReading, "atMs"> => {
  const [quota, period] = read("cpu.max")?.split(" ") ?? []
  const used = lineOf(read("cpu.stat"), "usage_usec")
  const waits = /^some avg10=([\d.]+)/.exec(read("cpu.pressure") ?? "")?.[1]
  return {
    ...memoryOf(numberOf(read("memory.max")), numberOf(read("memory.current")), filesOf(read("memory.stat"))),
    ...cpuOf(numberOf(quota), numberOf(period), used === undefined ? undefined : used / 1000),
    ...(waits === undefined ? {} : { cpuWaits: Number(waits) / 100 })
  }
}

const version1 = (
  memory: (file: string) => string | undefined,
  cpu: (file: string) => string | undefined,
  accounting: (file: string) => string | undefined
): Omit<PressureReading, "atMs"> => {
  const used = numberOf(accounting("cpuacct.usage"))
  return {
    ...memoryOf(
      numberOf(memory("memory.limit_in_bytes")),
      numberOf(memory("memory.usage_in_bytes")),
      filesOf(memory("memory.stat"), "total_")
    ),
    ...cpuOf(
      numberOf(cpu("cpu.cfs_quota_us")),
      numberOf(cpu("cpu.cfs_period_us")),
      used === undefined ? undefined : used / 1_000_000
    )
  }
}

/** One reading now. */
export const read = ({
  membership = "/proc/self/cgroup",
  root = "/sys/fs/cgroup"
}: CgroupOptions = {}): Effect.Effect<PressureReading> =>
  Effect.map(Monotonic.nowMs, (atMs) => {
    // `hierarchy:controllers:path`; version 2 has no controllers.
    const lines = (textOf(membership) ?? "").split("\n").map((line) => line.split(":"))
    const of = (controller: string) => {
      const path = lines.find(([, controllers = ""]) => controllers.split(",").includes(controller))?.[2] ?? "/"
      return reader(join(root, controller), path)
    }
    const unified = lines.find(([number, controllers]) => number === "0" && controllers === "")?.[2]
    const now = unified === undefined ? {} : version2(reader(root, unified))
    const before = version1(of("memory"), of("cpu"), of("cpuacct"))
    return { atMs, ...before, ...now }
  })
