/** `/api/v1/emergency-stop`. */

import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { EmergencyStops, type StopOrder } from "../../storage/EmergencyStops.ts"
import { ServedApi } from "../Api.ts"
import { CurrentPrincipal } from "../Authentication.ts"
import { storageFault } from "../problems/StorageFault.ts"

/** The order of the principal that makes the request. */
const orderOf = (payload: { readonly reason?: string } | null): Effect.Effect<StopOrder, never, CurrentPrincipal> =>
  Effect.map(CurrentPrincipal, ({ name }) => ({
    by: name,
    ...(payload?.reason === undefined ? {} : { reason: payload.reason })
  }))

export const EmergencyHandlers = HttpApiBuilder.group(
  ServedApi,
  "emergency",
  Effect.fnUntraced(function* (handlers) {
    const stops = yield* EmergencyStops
    return handlers
      .handle("stop", ({ payload }) =>
        Effect.gen(function* () {
          const order = yield* orderOf(payload)
          const stop = yield* stops.set(order)
          yield* Effect.logWarning("The emergency stop is set: no new action starts until it is lifted", order)
          return { set: true as const, stop }
        }).pipe(Effect.catchTag("StorageError", storageFault))
      )
      .handle("lift", ({ payload }) =>
        Effect.gen(function* () {
          const order = yield* orderOf(payload)
          const before = yield* stops.lift(order)
          yield* Effect.logWarning("The emergency stop is lifted: actions start again", order)
          return { set: false as const, ...(before._tag === "None" ? {} : { lifted: before.value }) }
        }).pipe(Effect.catchTag("StorageError", storageFault))
      )
  })
)
