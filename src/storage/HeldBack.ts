/**
 * Alerts that ended with a person because the degradation level was too low for them, and that still fire. When the
 * level has risen, each of them can be taken up once more, without waiting until its sender repeats it.
 *
 * | the last decision                                            | waits for       |
 * | ------------------------------------------------------------ | --------------- |
 * | nothing was investigated: the level was 3                    | a level below 3 |
 * | the action needed an approval at that level, and none came   | a better level  |
 * | no tier that was asked has found a cause, at a level above 0 | a better level  |
 *
 * Nothing of such an alert was written to the cluster. It waits in the rows of the remediation that has ended, so it
 * survives a restart, and the new remediation is begun in the transaction that ends the waiting.
 */

import { Context, type Effect, type Option } from "effect"
import type { Severity } from "../domain/Alert.ts"
import type { DegradationLevel } from "../domain/DegradationLevel.ts"
import type { Remediation, RemediationId } from "../domain/Remediation.ts"
import type { TargetKey } from "../domain/Target.ts"
import type { Timestamp } from "../domain/Timestamp.ts"
import type { StorageError } from "./StorageError.ts"

/** Which alerts are asked for. */
export interface HeldBackQuery {
  readonly cluster: string
  /** The level in force. Decisions at a worse level are asked for. */
  readonly level: DegradationLevel
  /** The alert was received, or sent again, since then. One that is older may have ended without anybody's word. */
  readonly firedSince: Timestamp
}

/** An alert that waits no more: a remediation has begun for it. */
export interface TakenUp {
  readonly target: TargetKey
  readonly severity: Severity
  /** The remediation that had ended. Its `handedOverTo` is the new one. */
  readonly ended: Remediation
}

/** Finds what waits, and takes it up. Provided by the layers of `Storage`. */
export class HeldBack extends Context.Service<
  HeldBack,
  {
    /**
     * The alerts to take up next, at most `limit`: the most severe first, and of those the oldest. Without those whose
     * target is worked on. It reads every escalation of the last days, so ask for several at once.
     */
    readonly waiting: (query: HeldBackQuery, limit: number) => Effect.Effect<ReadonlyArray<RemediationId>, StorageError>
    /** Begins its remediation at `at`. `None`: it does not wait any more. */
    readonly takeUp: (
      id: RemediationId,
      query: HeldBackQuery,
      at: Timestamp
    ) => Effect.Effect<Option.Option<TakenUp>, StorageError>
  }
>()("kubernaut/storage/HeldBack") {}
