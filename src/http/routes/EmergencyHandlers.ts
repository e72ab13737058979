/** `/api/v1/emergency-stop` and `/api/v1/emergency`. */

import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import type { OrderName } from "../../domain/StandingOrder.ts"
import { Degradation } from "../../health/Degradation.ts"
import { AuditLog } from "../../storage/AuditLog.ts"
import { type Ordered, StandingOrders } from "../../storage/StandingOrders.ts"
import { ServedApi } from "../Api.ts"
import { CurrentPrincipal } from "../Authentication.ts"
import { storageFault } from "../problems/StorageFault.ts"

/** What the request's principal orders. */
const orderedBy = (payload: { readonly reason?: string } | null): Effect.Effect<Ordered, never, CurrentPrincipal> =>
  Effect.map(CurrentPrincipal, ({ name }) => ({
    by: name,
    ...(payload?.reason === undefined ? {} : { reason: payload.reason })
  }))

interface Request {
  readonly payload: { readonly reason?: string } | null
}

export const EmergencyHandlers = HttpApiBuilder.group(
  ServedApi,
  "emergency",
  Effect.fnUntraced(function* (handlers) {
    const orders = yield* StandingOrders
    const degradation = yield* Degradation
    const audit = yield* AuditLog

    const give = (name: OrderName, message: string) =>
      Effect.fnUntraced(function* ({ payload }: Request) {
        const ordered = yield* orderedBy(payload)
        const order = yield* Effect.catchTag(orders.give(name, ordered), "StorageError", storageFault)
        yield* Effect.logWarning(message, ordered)
        yield* degradation.refresh
        return { set: true as const, order }
      })

    const takeBack = (name: OrderName, message: string) =>
      Effect.fnUntraced(function* ({ payload }: Request) {
        const ordered = yield* orderedBy(payload)
        const before = yield* orders.takeBack(name, ordered).pipe(
          // A break of the audit log has no end by itself.
          Effect.tap(() => (name === "emergency" ? audit.acknowledge(ordered) : Effect.void)),
          Effect.catchTag("StorageError", storageFault)
        )
        yield* Effect.logWarning(message, ordered)
        if (name === "emergency") yield* degradation.dismiss(ordered.by, ordered.reason)
        else yield* degradation.refresh
        return { set: false as const, ...(before._tag === "None" ? {} : { lifted: before.value }) }
      })

    return handlers
      .handle("stop", give("emergency-stop", "The emergency stop is set: no new action starts until it is lifted"))
      .handle("lift", takeBack("emergency-stop", "The emergency stop is lifted: actions start again"))
      .handle("enter", give("emergency", "An operator has declared an emergency: alerts are stored and escalated"))
      .handle("leave", takeBack("emergency", "An operator has ended the emergency"))
  })
)
