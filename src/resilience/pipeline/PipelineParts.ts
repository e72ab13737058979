/** What a pipeline consists of. Internal to `Pipeline` and `Execution`. */

import type { Exit } from "effect"
import type { CircuitBreaker } from "../breaker/CircuitBreaker.ts"
import type { EventHub } from "../EventHub.ts"
import type { ResilienceEvent } from "../ResilienceEvent.ts"
import type { Excuses } from "../TimeLimit.ts"
import type { Bulkhead } from "./Bulkhead.ts"
import type { PipelineError } from "./PipelineError.ts"
import type { RetryBudget } from "./RetryBudget.ts"
import type { RetryPolicy } from "./RetryPolicy.ts"

/** The parts of a pipeline. Those that were left out are `undefined`, and absent time limits are infinite. */
export interface Parts {
  readonly name: string
  readonly circuitBreaker: CircuitBreaker | undefined
  readonly bulkhead: Bulkhead | undefined
  readonly retryBudget: RetryBudget | undefined
  readonly retry: RetryPolicy | undefined
  /** For the whole call. */
  readonly deadlineMs: number
  readonly attemptTimeoutMs: number
  readonly excuses: Excuses
  readonly hub: EventHub<ResilienceEvent>
  /** The failure of a call that the open circuit rejects. */
  rejection(retryAfterMs: number): Exit.Exit<never, PipelineError>
}
