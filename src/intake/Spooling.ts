/** Stores alerts in the database, or in the spool while the database does not take them. */

import { Duration, Effect, Option, Predicate } from "effect"
import type { AlertSpool } from "../storage/spool/AlertSpool.ts"
import { AlertSpool as Spool } from "../storage/spool/AlertSpool.ts"
import type { SpoolFault } from "../storage/spool/SpoolDisk.ts"
import { SpoolStore } from "../storage/spool/SpoolStore.ts"
import { isAboutTheContent, StorageError } from "../storage/StorageError.ts"

export interface SpoolingOptions {
  /**
   * How long a part of a post waits for the database before it goes to the spool. Default 5 seconds, of the 10 that
   * Alertmanager waits for a response. Without a spool it waits as long as it takes.
   */
  readonly spoolAfter?: Duration.Input
}

export const defaultSpoolAfter = Duration.seconds(5)

type SpoolService = AlertSpool["Service"]

/** The spool, where there is one and the database can replay it. */
export const available: Effect.Effect<SpoolService | undefined> = Effect.map(
  Effect.all([Effect.serviceOption(Spool), Effect.serviceOption(SpoolStore)]),
  ([spool, store]) => (Option.isSome(store) ? Option.getOrUndefined(spool) : undefined)
)

const tooSlow = (operation: string) =>
  new StorageError({
    reason: "busy",
    operation,
    retryable: true,
    committed: "no",
    detail: "the database took too long"
  })

/** Nothing durable is left. The sender hears of the database, unless only the spool was asked. */
const refusal = (fault: SpoolFault, database: StorageError | undefined): StorageError =>
  database
  ?? new StorageError({
    reason: fault.reason === "full" ? "full" : "unavailable",
    operation: "spool",
    retryable: true,
    committed: "no",
    detail: fault.message
  })

/**
 * Returns a function that runs `database`, or `spool` where the database does not take it. While posts wait in the
 * spool every post goes there, so that none overtakes what waits.
 */
export const make = (spool: SpoolService | undefined, { spoolAfter = defaultSpoolAfter }: SpoolingOptions) => {
  if (spool === undefined)
    return <A>(database: Effect.Effect<A, StorageError>): Effect.Effect<A, StorageError> => database
  const toSpool = <A>(
    keep: (spool: SpoolService) => Effect.Effect<A, SpoolFault>,
    because: StorageError | undefined
  ): Effect.Effect<A, StorageError> =>
    Effect.catch(keep(spool), (fault) =>
      Effect.andThen(
        Effect.logError("Neither the database nor the spool stores alerts", {
          spool: fault.message,
          ...(because === undefined ? {} : { database: because.message })
        }),
        Effect.fail(refusal(fault, because))
      )
    )
  return <A>(
    database: Effect.Effect<A, StorageError>,
    keep: (spool: SpoolService) => Effect.Effect<A, SpoolFault>
  ): Effect.Effect<A, StorageError> =>
    Effect.suspend(() =>
      spool.isInUse()
        ? toSpool(keep, undefined)
        : database.pipe(
            Effect.timeoutOrElse({ duration: spoolAfter, orElse: () => Effect.fail(tooSlow("accept")) }),
            // What the database refuses, it would refuse at the replay.
            Effect.catchIf(Predicate.not(isAboutTheContent), (error) => toSpool(keep, error))
          )
    )
}
