/** Turns a `StorageError` into a 503 with `Retry-After`. It is never a 4xx: no request can cause a storage error. */

import { Effect } from "effect"
import type { StorageError } from "../../storage/StorageError.ts"
import { failing, Unavailable } from "./Problem.ts"

const explain: Readonly<Record<StorageError["reason"], string>> = {
  unavailable: "The database is not reachable.",
  busy: "The database is busy.",
  full: "The disk of the database is full.",
  incompatible: "A newer version of Kubernaut wrote the database.",
  invalid: "The result could not be stored.",
  refused: "The database refused what was to be stored.",
  corrupt: "The database contains a row that this version cannot read.",
  damaged: "The file of the database is damaged.",
  failed: "The database failed."
}

/** A lock is released soon; a full disk or damage needs an operator. */
const retryAfterSeconds = (error: StorageError): number => (error.reason === "busy" ? 1 : error.retryable ? 5 : 30)

/** Logs the error and returns the problem. */
export const storageProblem = (error: StorageError): Effect.Effect<Unavailable> =>
  Effect.as(
    Effect.logError("Storage failed while handling a request", { operation: error.operation, reason: error.reason }),
    new Unavailable({
      detail: `${explain[error.reason]} ${error.committed === "unknown" ? "The request may have been stored; it is safe to retry." : "Nothing was stored."}`,
      retryAfterSeconds: retryAfterSeconds(error)
    })
  )

export const storageFault = (error: StorageError) => Effect.flatMap(storageProblem(error), failing)
