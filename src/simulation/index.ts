/**
 * The simulator as a library, `kubernaut/simulation`: test a scenario, an investigator, an invariant or a fault of your
 * own against the real service. One namespace per module, named after its file.
 *
 * Start with `Runner.runSeed` and a scenario such as `Scenario.steady`. `examples/chaos` is a complete test.
 */

// Run seeds.
export * as Runner from "./run/Runner.ts"
export * as Scenario from "./scenarios/Scenario.ts"
export * as Scenarios from "./scenarios/Scenarios.ts"

// Check properties. A checker subscribes to observations.
export * as Invariant from "./invariants/Invariant.ts"
export * as Invariants from "./invariants/Invariants.ts"
export * as Observation from "./observation/Observation.ts"

// Plan, write and shrink faults.
export * as Fault from "./faults/Fault.ts"
export * as FaultKind from "./faults/FaultKind.ts"
export * as FaultPlan from "./faults/FaultPlan.ts"
export * as Faults from "./faults/Faults.ts"
export * as Shrink from "./run/Shrink.ts"
export * as Wire from "./farEnds/paths/Wire.ts"

// Read results.
export * as Availability from "./report/Availability.ts"
export * as Coverage from "./report/Coverage.ts"
export * as Failure from "./run/Failure.ts"
export * as Report from "./report/Report.ts"
export * as Timeline from "./report/Timeline.ts"

// Inject the same faults into a running service of your own.
export * as FaultInjection from "./injection/FaultInjection.ts"
export * as Injectable from "./injection/Injectable.ts"

// The world alone, to find races in fibers of your own.
export * as Process from "./engine/Process.ts"
export * as SeededRandom from "./engine/SeededRandom.ts"
export * as World from "./engine/World.ts"
