/** `/api/v1/spend`. */

import { Clock, Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import * as Timestamp from "../../domain/Timestamp.ts"
import { statesOf } from "../../investigation/spend/Budget.ts"
import { SpendMeter } from "../../investigation/spend/SpendMeter.ts"
import { SpendLedger, type SpendTotal } from "../../storage/SpendLedger.ts"
import { ServedApi } from "../Api.ts"
import { badRequest, failing } from "../problems/Problem.ts"
import { storageFault } from "../problems/StorageFault.ts"
import * as TimeQuery from "../TimeQuery.ts"

const timeOf = (text: string, nowMs: number): Timestamp.Timestamp =>
  TimeQuery.toTimestamp(TimeQuery.parse(text) ?? { _tag: "Ago", millis: 0 }, nowMs)

const keyed = <Key extends string>(name: Key, totals: ReadonlyArray<SpendTotal>) =>
  totals.map(({ key, ...sum }) => ({ ...sum, [name]: key }) as typeof sum & Record<Key, string>)

export const SpendHandlers = HttpApiBuilder.group(
  ServedApi,
  "spend",
  Effect.fnUntraced(function* (handlers) {
    const ledger = yield* SpendLedger
    const { settings } = yield* SpendMeter
    return handlers.handle("read", ({ query: { limit = 100, remediation, since = "24h", until = "0s" } }) =>
      Effect.gen(function* () {
        const nowMs = yield* Clock.currentTimeMillis
        const interval = { since: timeOf(since, nowMs), until: timeOf(until, nowMs) }
        if (interval.since >= interval.until)
          return yield* failing(badRequest([{ path: ["query", "since"], message: "Expected a time before until" }]))
        // The end of an interval is not part of it, and a call may be of this very millisecond.
        const before = { ...interval, until: Timestamp.fromMillis(Timestamp.toMillis(interval.until) + 1) }
        const now = Timestamp.fromMillis(nowMs)
        const { budgets, currency } = settings
        return {
          currency,
          ...interval,
          budgets: statesOf(budgets, yield* ledger.spent(now), now),
          byHour: keyed("hour", yield* ledger.totals("hour", before)),
          byDay: keyed("day", yield* ledger.totals("day", before)),
          byTier: keyed("tier", yield* ledger.totals("service", before)),
          calls: yield* ledger.calls({ ...before, limit, ...(remediation === undefined ? {} : { remediation }) })
        }
      }).pipe(Effect.catchTag("StorageError", storageFault))
    )
  })
)
