/** What a supervisor does after a child has ended. Pure. */

import { Cause, Exit } from "effect"

/** See `ChildSpec.restart`. */
export type Restart = "permanent" | "transient" | "temporary"

/** How a child ended. */
export type Ending = "completed" | "failed" | "died"

/** A child that was interrupted from within counts as completed. */
export const endingOf = (exit: Exit.Exit<unknown, unknown>): Ending =>
  Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)
    ? "completed"
    : Cause.hasDies(exit.cause)
      ? "died"
      : "failed"

const mustRestart = (kind: Restart, ending: Ending): boolean =>
  kind === "permanent" || (kind === "transient" && ending !== "completed")

/** The earlier life of a child. All moments are of the monotonic clock. */
export interface Life {
  readonly kind: Restart
  readonly startedMs: number
  /** When the child was restarted. */
  readonly restartedMs: ReadonlyArray<number>
}

export interface Intensity {
  readonly maxRestarts: number
  readonly periodMs: number
}

export type Decision =
  | { readonly _tag: "End" }
  | { readonly _tag: "Escalate"; readonly freshBackoff: boolean }
  /** `restartedMs` are the restarts that still count, this one included. */
  | { readonly _tag: "Restart"; readonly restartedMs: ReadonlyArray<number>; readonly freshBackoff: boolean }

/** Restarts older than the period do not count. The back-off starts again after a whole period of running. */
export const decide = (life: Life, ending: Ending, { maxRestarts, periodMs }: Intensity, nowMs: number): Decision => {
  if (!mustRestart(life.kind, ending)) return { _tag: "End" }
  const freshBackoff = nowMs - life.startedMs >= periodMs
  const recentMs = life.restartedMs.filter((atMs) => nowMs - atMs < periodMs)
  if (recentMs.length >= maxRestarts) return { _tag: "Escalate", freshBackoff }
  return { _tag: "Restart", restartedMs: [...recentMs, nowMs], freshBackoff }
}
