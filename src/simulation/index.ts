/**
 * The simulator as a library, `kubernaut/simulation`: one namespace per module, named as its file.
 *
 * Begin with `Runner.runSeed`, and give it a scenario; `examples/chaos` puts an investigator of one's own through it.
 */

export * as Availability from "./report/Availability.ts"
export * as Coverage from "./report/Coverage.ts"
export * as Endings from "./run/Endings.ts"
export * as Failure from "./run/Failure.ts"
export * as FarEnd from "./farEnds/FarEnd.ts"
export * as Fault from "./faults/Fault.ts"
export * as FaultInjection from "./injection/FaultInjection.ts"
export * as FaultKind from "./faults/FaultKind.ts"
export * as FaultPlan from "./faults/FaultPlan.ts"
export * as Faults from "./faults/Faults.ts"
export * as Injectable from "./injection/Injectable.ts"
export * as Injections from "./faults/Injections.ts"
export * as Invariant from "./invariants/Invariant.ts"
export * as Invariants from "./invariants/Invariants.ts"
export * as Observation from "./observation/Observation.ts"
export * as Process from "./engine/Process.ts"
export * as Report from "./report/Report.ts"
export * as Runner from "./run/Runner.ts"
export * as Scenario from "./scenarios/Scenario.ts"
export * as Scenarios from "./scenarios/Scenarios.ts"
export * as SeededRandom from "./engine/SeededRandom.ts"
export * as Shrink from "./run/Shrink.ts"
export * as Simulation from "./run/Simulation.ts"
export * as Stages from "./observation/Stages.ts"
export * as Timeline from "./report/Timeline.ts"
export * as TimelineRecorder from "./report/TimelineRecorder.ts"
export * as Wire from "./farEnds/paths/Wire.ts"
export * as World from "./engine/World.ts"
