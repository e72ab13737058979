/** How a call through a pipeline ended. */

import type { Exit } from "effect"
import type { CallFailed, CallIgnored, CallRejected, CallSucceeded } from "../ResilienceEvent.ts"

/** How much work a call took. `attempts` counts the attempts that reached the peer. */
export interface CallReport {
  readonly attempts: number
  readonly durationMs: number
}

/** The exit of a call together with its report. */
export interface Counted<A, E> extends CallReport {
  readonly exit: Exit.Exit<A, E>
}

type WithoutReport<Event> = Omit<Event, keyof CallReport | "pipeline">

/** The event that reports the end of a call, without the fields that the call adds. */
export type CallEnding =
  | WithoutReport<typeof CallSucceeded.Type>
  | WithoutReport<typeof CallFailed.Type>
  | WithoutReport<typeof CallIgnored.Type>
  | WithoutReport<typeof CallRejected.Type>

export const succeeded: CallEnding = { _tag: "CallSucceeded" }
export const interrupted: CallEnding = { _tag: "CallIgnored", reason: "interrupted" }
