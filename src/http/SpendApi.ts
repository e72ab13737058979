/** `GET /api/v1/spend`: what calls to models have cost. */

import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { ModelCall } from "../domain/ModelCall.ts"
import { RemediationId } from "../domain/Remediation.ts"
import { Timestamp } from "../domain/Timestamp.ts"
import { Authentication, RequiredRole } from "./Authentication.ts"
import { BadRequest, Unavailable } from "./problems/Problem.ts"
import { RequestFaults } from "./problems/RequestFaults.ts"
import { queryInt } from "./QueryInt.ts"
import { TimeText } from "./TimeQuery.ts"

/** Sums over calls. `unknownTokens` and `unknownCost` count those of which that is not known, and which add nothing. */
const sum = {
  calls: Schema.Int,
  inputTokens: Schema.Int,
  outputTokens: Schema.Int,
  /** In millionths of the currency. */
  cost: Schema.Int,
  unknownTokens: Schema.Int,
  unknownCost: Schema.Int
}

/** What was spent in an interval, and how the budgets stand now. */
export const Spend = Schema.Struct({
  currency: Schema.String,
  since: Timestamp,
  until: Timestamp,
  /** The budgets of the present hour and day that are set. Money is in the currency itself. */
  budgets: Schema.Array(
    Schema.Struct({
      budget: Schema.Literals(["incident", "hour", "day"]),
      unit: Schema.Literals(["tokens", "money"]),
      limit: Schema.Finite,
      spent: Schema.Finite,
      until: Schema.optionalKey(Timestamp)
    })
  ),
  /** By the beginning of the hour and of the day, in UTC, and by tier. */
  byHour: Schema.Array(Schema.Struct({ hour: Timestamp, ...sum })),
  byDay: Schema.Array(Schema.Struct({ day: Timestamp, ...sum })),
  byTier: Schema.Array(Schema.Struct({ tier: Schema.String, ...sum })),
  /** The newest first. */
  calls: Schema.Array(ModelCall)
}).annotate({ identifier: "Spend" })
export type Spend = typeof Spend.Type

export class SpendGroup extends HttpApiGroup.make("spend")
  .add(
    HttpApiEndpoint.get("read", "/api/v1/spend", {
      query: {
        /** How long ago, such as `1h`, or a time. Default `24h`. Calls are kept for 31 days. */
        since: Schema.optionalKey(TimeText),
        /** Likewise. Default: now. */
        until: Schema.optionalKey(TimeText),
        /** Only the calls of this remediation. The sums are of all. */
        remediation: Schema.optionalKey(RemediationId),
        limit: Schema.optionalKey(queryInt(1, 1000))
      },
      success: Spend,
      error: [BadRequest, Unavailable]
    })
      .annotate(RequiredRole, "viewer")
      .annotateMerge(
        OpenApi.annotations({
          summary: "Read what calls to models have cost",
          description:
            "Sums by hour, day and tier, how the budgets stand, and one line for each call with its tokens and its cost. A call of which something is not known counts under `unknownTokens` or `unknownCost`, and never as 0."
        })
      )
  )
  .middleware(RequestFaults)
  .middleware(Authentication) {}
