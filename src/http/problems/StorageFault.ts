/**
 * What storage reports, as the answer to whoever asked: 503 with `Retry-After`, for nothing that a client sends makes
 * storage fail.
 */

import { Effect } from "effect"
import type { StorageError } from "../../storage/StorageError.ts"
import { failing, Unavailable } from "./Problem.ts"

const explain: Readonly<Record<StorageError["reason"], string>> = {
  unavailable: "The database cannot be reached.",
  busy: "The database is busy.",
  full: "The database has no space left.",
  incompatible: "The database was written by a newer version.",
  corrupt: "The database holds something that this version cannot read.",
  failed: "The database failed."
}

/** A lock is gone in a moment; a full disk or a damaged row waits for a person. */
const retryAfterSeconds = (error: StorageError): number => (error.reason === "busy" ? 1 : error.retryable ? 5 : 30)

/** The problem, after a line in the log. */
export const storageProblem = (error: StorageError): Effect.Effect<Unavailable> =>
  Effect.as(
    Effect.logError("Storage failed for a request", { operation: error.operation, reason: error.reason }),
    new Unavailable({
      detail: `${explain[error.reason]} ${error.committed === "unknown" ? "It may have been stored; sending it again is safe." : "Nothing was stored."}`,
      retryAfterSeconds: retryAfterSeconds(error)
    })
  )

export const storageFault = (error: StorageError) => Effect.flatMap(storageProblem(error), failing)
