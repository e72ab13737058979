/**
 * What goes wrong in a run, drawn from its seed before it begins.
 *
 * **Swarm.** Each run draws its own mix: first how large a share of all kinds it has, few as likely as many, then
 * which, and for each a rate of its own. Runs that do everything at once hide the bugs that need a long time of one
 * thing, and a service that is always down does no work in which faults could hit it.
 */

import { Schema } from "effect"
import type { Setting } from "../farEnds/FarEnd.ts"
import type { Scenario } from "../scenarios/Scenario.ts"
import { Aim, Fault } from "./Fault.ts"
import type { FaultKind } from "./FaultKind.ts"

export const FaultPlan = Schema.Array(Fault)
export type FaultPlan = typeof FaultPlan.Type

/** Between two faults of one kind, at the mean: from one in two minutes to one an hour. */
const meanGapMs = [120_000, 3_600_000] as const

/** How large a share of all kinds a run has: of 40, from one to sixteen. */
const shares = [0.02, 0.4] as const

/** How often a fault is aimed at a stage of some remediation, and not at a moment. */
const aimedShare = 0.3

/** There are so many ways in which a model can fail that in the full share of them none would ever answer. */
const isPeers = ({ target }: FaultKind): boolean => target === "models" || target === "network"
const peersLess = 0.4

/**
 * The kinds that may be drawn for a scenario: those that it names, and of models and telemetry only where it has some.
 */
export const kindsOf = (scenario: Scenario, kinds: ReadonlyArray<FaultKind>): ReadonlyArray<FaultKind> => {
  const hasModels = (scenario.tiers ?? []).length > 0
  return kinds.filter(
    ({ name, target }) =>
      (scenario.faults === undefined || scenario.faults.includes(name))
      && (target !== "models" || hasModels)
      && (target !== "telemetrySink" || scenario.telemetry === true)
  )
}

/** What is much work comes as seldom as its kind says, and more seldom where the scenario says so. */
const gapOf = ({ faultGapMs }: Scenario, kind: FaultKind): readonly [leastMs: number, mostMs: number] => {
  if (faultGapMs === undefined || kind.gapMs === undefined) return faultGapMs ?? kind.gapMs ?? meanGapMs
  return [Math.max(faultGapMs[0], kind.gapMs[0]), Math.max(faultGapMs[1], kind.gapMs[1])]
}

/**
 * Draws a plan over the scenario's duration. The stream of each kind is its own: leaving one kind out changes nothing
 * about the others.
 */
export const draw = (setting: Setting, kinds: ReadonlyArray<FaultKind>): FaultPlan => {
  const { scenario, world } = setting
  const share = world.random("plan").magnitude(...(scenario.faultShare ?? shares))
  return kindsOf(scenario, kinds)
    .flatMap((kind) => {
      const random = world.random(`plan ${kind.name}`)
      if (!random.chance(isPeers(kind) ? share * peersLess : share)) return []
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
