/**
 * The container of the service, as its cgroup shows it: a limit of CPU and memory, and what is used of them. Usually
 * that is little. Only scenarios with `pressure` have it.
 */

import { Effect } from "effect"
import type { PressureReading } from "../../health/Pressure.ts"
import * as Monotonic from "../../resilience/Monotonic.ts"
import type { FarEnd, Setting } from "./FarEnd.ts"
import { ActiveFaults } from "./paths/ActiveFaults.ts"

/** What a fault uses, as shares of the limits. */
export interface Load {
  readonly cpu?: number
  readonly memory?: number
  /** The share of the time in which a task waits for CPU. */
  readonly cpuWaits?: number
}

const usual: Required<Load> = { cpu: 0.2, memory: 0.4, cpuWaits: 0 }
const limitCores = 1
const limitBytes = 512 * 1024 * 1024

export class Container implements FarEnd {
  readonly name = "container"
  /** For the service; absent where the scenario has no pressure. */
  readonly pressure: Effect.Effect<PressureReading> | undefined
  private readonly setting: Setting
  private readonly loads = new ActiveFaults<Load>()
  private usedMs = 0
  private countedMs = 0

  constructor(setting: Setting) {
    this.setting = setting
    this.pressure =
      setting.scenario.pressure === true ? Effect.map(Monotonic.nowMs, (atMs) => this.reading(atMs)) : undefined
  }

  /** Uses CPU or memory until the returned function is called. */
  disturb(load: Load): () => void {
    this.count()
    const undo = this.loads.add(load)
    return () => {
      this.count()
      undo()
    }
  }

  private highest(of: keyof Load): number {
    return [...this.loads].reduce((most, load) => Math.max(most, load[of] ?? 0), usual[of])
  }

  /** Counts the CPU time until now. */
  private count(): void {
    const { nowMs } = this.setting.world
    this.usedMs += (nowMs - this.countedMs) * this.highest("cpu") * limitCores
    this.countedMs = nowMs
  }

  private reading(atMs: number): PressureReading {
    this.count()
    return {
      atMs,
      cpu: { usedMs: this.usedMs, limitCores },
      memory: { limitBytes, usedBytes: limitBytes * this.highest("memory") },
      cpuWaits: this.highest("cpuWaits")
    }
  }
}
