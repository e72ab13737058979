/**
 * The faults of a run, drawn from its seed before it begins.
 *
 * **Swarm testing.** Each run draws its own mix: first the share of all kinds that it has, few as likely as many, then
 * which kinds, and a rate for each. Runs with every fault at once hide bugs that need a long time of one fault, and a
 * service that is always down does no work that faults could hit.
 */

import { Schema } from "effect"
import type { Setting } from "../farEnds/FarEnd.ts"
import type { Scenario } from "../scenarios/Scenario.ts"
import { Aim, Fault } from "./Fault.ts"
import type { FaultKind } from "./FaultKind.ts"

/** The faults of a run, as JSON: print it, store it with a bug report, and pass it to `Runner.runSeed` to replay them. */
export const FaultPlan = Schema.Array(Fault)
export type FaultPlan = typeof FaultPlan.Type

/** The mean gap between two faults of one kind: from two minutes to an hour. */
const meanGapMs = [120_000, 3_600_000] as const

/** The share of all kinds in a run: of 40 kinds, one to sixteen. */
const shares = [0.02, 0.4] as const

/** How often a fault is aimed at a stage of a remediation instead of a moment. */
const aimedShare = 0.3

/** There are so many kinds of model faults that with the full share of them no model would ever respond. */
const isPeerFault = ({ target }: FaultKind): boolean => target === "models" || target === "network"
const peerFaultFactor = 0.4

/**
 * The kinds that may be drawn for a scenario: those that it names; those of models, of telemetry and of other parts
 * only where it has them.
 */
export const kindsOf = (scenario: Scenario, kinds: ReadonlyArray<FaultKind>): ReadonlyArray<FaultKind> => {
  const hasModels = (scenario.tiers ?? []).length > 0
  return kinds.filter(
    ({ name, target }) =>
      (scenario.faults === undefined || scenario.faults.includes(name))
      && (target !== "models" || hasModels)
      && (target !== "telemetrySink" || scenario.telemetry === true)
      && (target !== "notificationSinks" || scenario.notifications === true)
      && (target !== "container" || scenario.pressure === true)
      && (target !== "alertList" || scenario.watchdog === true)
      && (target !== "changes" || scenario.service.changes !== undefined)
  )
}

/** Expensive kinds are at least as rare as they ask for, and rarer where the scenario asks for that. */
const gapOf = ({ faultGapMs }: Scenario, kind: FaultKind): readonly [leastMs: number, mostMs: number] => {
  if (faultGapMs === undefined || kind.gapMs === undefined) return faultGapMs ?? kind.gapMs ?? meanGapMs
  return [Math.max(faultGapMs[0], kind.gapMs[0]), Math.max(faultGapMs[1], kind.gapMs[1])]
}

/**
 * Draws a plan over the scenario's duration, ordered by `atMs`. `Runner.runSeed` calls it where neither the options nor
 * the scenario have a plan. Each kind has its own random stream: leaving one out does not affect the others.
 */
export const draw = (setting: Setting, kinds: ReadonlyArray<FaultKind>): FaultPlan => {
  const { scenario, world } = setting
  const share = world.random("plan").magnitude(...(scenario.faultShare ?? shares))
  return kindsOf(scenario, kinds)
    .flatMap((kind) => {
      const random = world.random(`plan ${kind.name}`)
      if (!random.chance(isPeerFault(kind) ? share * peerFaultFactor : share)) return []
      const gapMs = random.magnitude(...gapOf(scenario, kind))
      const faults: Array<Fault> = []
      let atMs = 0
      while (true) {
        // Exponential gaps: a fault is as likely at one moment as at any other.
        atMs += Math.ceil(-Math.log(1 - random.nextDoubleUnsafe()) * gapMs)
        if (atMs >= scenario.durationMs) return faults
        faults.push({
          kind: kind.name,
          atMs,
          ...(random.chance(aimedShare) ? { aim: random.pick(Aim.literals) } : {}),
          forMs: kind.lasts === undefined ? 0 : Math.ceil(random.magnitude(...kind.lasts)),
          parameters: Schema.encodeSync(kind.parameters)(kind.draw(random, setting))
        })
      }
    })
    .sort((a, b) => a.atMs - b.atMs)
}
