/**
 * The simulator as a library, `kubernaut/simulation`: one namespace per module, named as its file.
 *
 * Begin with `Runner.runSeed`, and give it a scenario; `examples/chaos` puts an investigator of one's own through it.
 */

export * as Availability from "./Availability.ts"
export * as Coverage from "./Coverage.ts"
export * as Endings from "./Endings.ts"
export * as Failure from "./Failure.ts"
export * as FarEnd from "./FarEnd.ts"
export * as Fault from "./Fault.ts"
export * as FaultInjection from "./injection/FaultInjection.ts"
export * as FaultPlan from "./FaultPlan.ts"
export * as Faults from "./Faults.ts"
export * as Injectable from "./injection/Injectable.ts"
export * as Injections from "./Injections.ts"
export * as Invariant from "./Invariant.ts"
export * as Invariants from "./Invariants.ts"
export * as Observation from "./Observation.ts"
export * as Process from "./Process.ts"
export * as Report from "./Report.ts"
export * as Runner from "./Runner.ts"
export * as Scenario from "./Scenario.ts"
export * as Scenarios from "./Scenarios.ts"
export * as SeededRandom from "./SeededRandom.ts"
export * as Shrink from "./Shrink.ts"
export * as Simulation from "./Simulation.ts"
export * as Stages from "./Stages.ts"
export * as Timeline from "./Timeline.ts"
export * as Wire from "./Wire.ts"
export * as World from "./World.ts"
