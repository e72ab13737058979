/** The orders of operators that stand. They are durable, and every process on the same database obeys them. */

import { Context, type Effect, type Option } from "effect"
import type { OrderName, StandingOrder } from "../domain/StandingOrder.ts"
import type { StorageError } from "./StorageError.ts"

/** Who orders something, and why, for the audit log. */
export interface Ordered {
  readonly by: string
  readonly reason?: string
}

/** Gives, takes back and reads orders. Provided by the layers of `Storage`. */
export class StandingOrders extends Context.Service<
  StandingOrders,
  {
    /** The order, if it stands, as of the last commit of any process. */
    readonly current: (name: OrderName) => Effect.Effect<Option.Option<StandingOrder>, StorageError>
    /**
     * Gives an order and returns it after the commit. If it stands already, the earlier one stays. Each order is
     * audited in the same transaction.
     */
    readonly give: (name: OrderName, ordered: Ordered) => Effect.Effect<StandingOrder, StorageError>
    /** Takes an order back and returns the one that stood, if any. */
    readonly takeBack: (name: OrderName, ordered: Ordered) => Effect.Effect<Option.Option<StandingOrder>, StorageError>
  }
>()("kubernaut/storage/StandingOrders") {}
