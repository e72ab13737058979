/**
 * One line of the ledger of model calls: which incident and hop it was for, and what it cost.
 *
 * A line is written before the call, with the estimate, and again after it. So a crash in between leaves the estimate,
 * which counts against the budgets as if it had been spent.
 */

import { Schema } from "effect"
import { InvestigatorName } from "./Investigation.ts"
import { RemediationId } from "./Remediation.ts"
import { Timestamp } from "./Timestamp.ts"

/** `call-` and a ULID. */
export const ModelCallId = Schema.String.check(
  Schema.isPattern(/^call-[0-9A-HJKMNP-TV-Z]{26}$/, {
    message: "Expected the id of a model call, such as call-01M86T3XDTDHT0TBVYKQNQMMTH"
  })
).pipe(Schema.brand("ModelCallId"))
export type ModelCallId = typeof ModelCallId.Type

/** A count of tokens, or of millionths of the configured currency. `null`: not known, which is not 0. */
const Amount = Schema.NullOr(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)))

/** One request to a model. HolmesGPT asks its own model several times for one request: that is one line, too. */
export const ModelCall = Schema.Struct({
  id: ModelCallId,
  /** When it was about to be sent. */
  at: Timestamp,
  remediation: RemediationId,
  /** With `provider`, the tier: the hop that made the call. */
  investigator: InvestigatorName,
  provider: Schema.optionalKey(Schema.String),
  model: Schema.optionalKey(Schema.String),
  traceId: Schema.optionalKey(Schema.String),
  spanId: Schema.optionalKey(Schema.String),
  inputTokens: Amount,
  outputTokens: Amount,
  /** In millionths of the configured currency. `null`: the provider has no price. */
  cost: Amount,
  /** `measured`: the tokens are those that the response reports. */
  basis: Schema.Literals(["estimated", "measured"]),
  /** `reserved`: the call is under way, or a crash has cut it short. */
  state: Schema.Literals(["reserved", "settled"]),
  /** `rejected`: the peer has refused the request before it did any work. Absent while the call is under way. */
  outcome: Schema.optionalKey(Schema.Literals(["answered", "failed", "rejected"]))
}).annotate({ identifier: "ModelCall" })
export type ModelCall = typeof ModelCall.Type

/** The name of the tier that made the call: `holmesgpt`, `llm:<provider>`, `custom:<provider>`. */
export const serviceOf = ({ investigator, provider }: Pick<ModelCall, "investigator" | "provider">): string =>
  provider === undefined ? investigator : `${investigator}:${provider}`
