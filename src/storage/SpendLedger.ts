/**
 * The ledger of model calls: what each call cost, and what was spent in total.
 *
 * A reservation reads what is spent and writes its line in one transaction, so calls at the same time, also of several
 * processes, never share what is left of a budget. Lines are kept for `keptDays`.
 */

import { Context, type Effect } from "effect"
import type { ModelCall, ModelCallId } from "../domain/ModelCall.ts"
import type { RemediationId } from "../domain/Remediation.ts"
import type { Timestamp } from "../domain/Timestamp.ts"
import type { StorageError } from "./StorageError.ts"

/** Older lines are deleted. */
export const keptDays = 31

/** Sums over calls. Calls of which something is not known are counted, and not taken for 0. */
export interface SpendSum {
  readonly calls: number
  readonly inputTokens: number
  readonly outputTokens: number
  /** In millionths of the configured currency. */
  readonly cost: number
  /** The calls of which the tokens are not known. */
  readonly unknownTokens: number
  /** The calls of which the cost is not known: their provider has no price. */
  readonly unknownCost: number
}

/** What was spent before a call: for its incident, in its hour and on its day, by UTC. */
export interface SpentBefore {
  readonly incident: SpendSum
  readonly hour: SpendSum
  readonly day: SpendSum
}

/** A sum under what it was grouped by: the beginning of an hour or of a day, or the name of a tier. */
export interface SpendTotal extends SpendSum {
  readonly key: string
}

/** Which lines to read. */
export interface ModelCallQuery {
  readonly since: Timestamp
  readonly until: Timestamp
  readonly remediation?: RemediationId
  readonly limit: number
}

/** Writes and reads the ledger. Provided by the layers of `Storage`. */
export class SpendLedger extends Context.Service<
  SpendLedger,
  {
    /**
     * Writes the line of a call that is about to be made, unless `refuse` returns something. Returns after the commit.
     * `refuse` must be pure, and may run twice.
     */
    readonly reserve: <Refusal>(
      call: ModelCall,
      refuse: (spent: SpentBefore) => Refusal | undefined
    ) => Effect.Effect<Refusal | undefined, StorageError>
    /** Writes lines, over those of the same ids, and removes those of calls that were not made. */
    readonly write: (
      calls: ReadonlyArray<ModelCall>,
      removed?: ReadonlyArray<ModelCallId>
    ) => Effect.Effect<void, StorageError>
    /** What is spent for an incident, and in the hour and on the day of a time. */
    readonly spent: (at: Timestamp, remediation?: RemediationId) => Effect.Effect<SpentBefore, StorageError>
    /** Sums from `since` until just before `until`, in the order of their keys. */
    readonly totals: (
      by: "hour" | "day" | "service",
      interval: Pick<ModelCallQuery, "since" | "until">
    ) => Effect.Effect<ReadonlyArray<SpendTotal>, StorageError>
    /** The lines, newest first. One that cannot be read is left out; the sums contain it. */
    readonly calls: (query: ModelCallQuery) => Effect.Effect<ReadonlyArray<ModelCall>, StorageError>
    /** The lines of one remediation in their order, at most 500. */
    readonly ofRemediation: (id: RemediationId) => Effect.Effect<ReadonlyArray<ModelCall>, StorageError>
  }
>()("kubernaut/storage/SpendLedger") {}
