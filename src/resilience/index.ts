/**
 * The resilience parts of Kubernaut, without the service: `import { Pipeline } from "kubernaut/resilience"`.
 *
 * **When to use**
 *
 * - `Pipeline` protects the calls to one peer: deadline, retry budget, retry, circuit breaker, bulkhead and attempt
 *   timeout, each with a default. Start here.
 * - `CircuitBreaker`, `Bulkhead`, `RetryPolicy`, `RetryBudget` and `Deadline` are its parts. Each works alone.
 * - `Due` says which of several waiting calls comes first, and `Patience` how long work waits for these limits.
 * - `Supervisor` keeps long-lived effects running.
 * - `ResilienceEvent` lists what all of them report, and `EventHub` is how to listen.
 * - `Monotonic` is the clock that they use.
 *
 * Nothing here needs a layer, and nothing imports another folder of Kubernaut.
 */

export * as CircuitBreaker from "./breaker/CircuitBreaker.ts"
export * as Due from "./Due.ts"
export * as EventHub from "./EventHub.ts"
export * as Monotonic from "./Monotonic.ts"
export * as Bulkhead from "./pipeline/Bulkhead.ts"
export * as Deadline from "./pipeline/Deadline.ts"
export * as Patience from "./pipeline/Patience.ts"
export * as Pipeline from "./pipeline/Pipeline.ts"
export * as RetryBudget from "./pipeline/RetryBudget.ts"
export * as RetryPolicy from "./pipeline/RetryPolicy.ts"
export * as ResilienceEvent from "./ResilienceEvent.ts"
export * as Supervisor from "./supervision/Supervisor.ts"
