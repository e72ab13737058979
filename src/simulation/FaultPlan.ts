/**
 * What goes wrong in a run, drawn from its seed before it begins.
 *
 * **Swarm.** Each run draws its own mix: about half of all kinds are left out (of those of network and models four of five), and each that is in has a rate of its own. Runs that do
 * everything at once hide the bugs that need a long time of one thing.
 */
import { Schema } from "effect"
import { Fault, type FaultKind } from "./Fault.ts"
import type { Setting } from "./FarEnd.ts"
import type { Scenario } from "./Scenario.ts"

export const FaultPlan = Schema.Array(Fault)
export type FaultPlan = typeof FaultPlan.Type

/** Between two faults of one kind, at the mean: from one a minute to one an hour. */
const meanGapMs = [60_000, 3_600_000] as const

/** There are so many ways in which a model can fail that at half of them none would ever answer. */
const isPeers = ({ target }: FaultKind): boolean => target === "models" || target === "network"

/** The kinds that may be drawn for a scenario: those that it names, and of models only where it has some. */
export const kindsOf = (scenario: Scenario, kinds: ReadonlyArray<FaultKind>): ReadonlyArray<FaultKind> => {
  const hasModels = (scenario.tiers ?? []).length > 0
  return kinds.filter(({ name, target }) => (scenario.faults === undefined || scenario.faults.includes(name)) && (target !== "models" || hasModels))
}

/** Draws a plan over the scenario's duration. The stream of each kind is its own: leaving one kind out changes nothing about the others. */
export const draw = (setting: Setting, kinds: ReadonlyArray<FaultKind>): FaultPlan => {
  const { scenario, world } = setting
  return kindsOf(scenario, kinds).flatMap((kind) => {
    const random = world.random(`plan ${kind.name}`)
    if (random.chance(isPeers(kind) ? 0.8 : 0.5)) return []
    const gapMs = random.magnitude(...kind.gapMs ?? scenario.faultGapMs ?? meanGapMs)
    const faults: Array<Fault> = []
    let atMs = 0
    while (true) {
      // Exponential gaps: a fault is as likely at one moment as at any other.
      atMs += Math.ceil(-Math.log(1 - random.nextDoubleUnsafe()) * gapMs)
      if (atMs >= scenario.durationMs) return faults
      faults.push({
        kind: kind.name,
        atMs,
        forMs: kind.lasts === undefined ? 0 : Math.ceil(random.magnitude(...kind.lasts)),
        parameters: Schema.encodeSync(kind.parameters)(kind.draw(random, setting))
      })
    }
  }).sort((a, b) => a.atMs - b.atMs)
}
