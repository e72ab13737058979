/** The meter of model calls, on the ledger of the database if there is one. */

import { Effect, Layer, Option } from "effect"
import { defaults, make, SpendMeter } from "../investigation/spend/SpendMeter.ts"
import type { KubernautOptions } from "../KubernautOptions.ts"
import { SpendLedger } from "../storage/SpendLedger.ts"

export const spend = ({ spend: given = {} }: KubernautOptions<unknown, unknown>) =>
  Layer.effect(
    SpendMeter,
    Effect.gen(function* () {
      // An embedder's own storage may have no ledger.
      const ledger = Option.getOrUndefined(yield* Effect.serviceOption(SpendLedger))
      return yield* make({ ...defaults, ...given }, ledger)
    })
  )
