/**
 * The port for exporting spans: it sends one batch and returns the outcome.
 *
 * `OtlpExporter` implements it over OTLP/HTTP. The simulator implements it with a receiver that fails on demand.
 */

import type { ReadableSpan } from "@opentelemetry/sdk-trace-base"
import { Context, type Effect } from "effect"
import * as RetryAfter from "../resilience/RetryAfter.ts"

export type { ReadableSpan }

export type ExportOutcome =
  | { readonly _tag: "Exported" }
  /** The receiver will never accept this batch. */
  | { readonly _tag: "Rejected" }
  /** The receiver may accept this batch later. `retryAfterMs` is the delay that it requested. */
  | { readonly _tag: "Unavailable"; readonly retryAfterMs?: number }

export class SpanExporter extends Context.Service<
  SpanExporter,
  {
    /** The address of the receiver, for the log. */
    readonly destination: string
    /** Makes one attempt. The caller limits its time and retries. */
    readonly export: (spans: ReadonlyArray<ReadableSpan>) => Effect.Effect<ExportOutcome>
  }
>()("kubernaut/telemetry/SpanExporter") {}

/** What an OTLP/HTTP response says about its batch. */
export const outcomeOf = (
  status: number,
  retryAfter: string | undefined,
  received: RetryAfter.Received = {}
): ExportOutcome => {
  if (status >= 200 && status < 300) return { _tag: "Exported" }
  if (status !== 408 && status !== 429 && status < 500) return { _tag: "Rejected" }
  const retryAfterMs = RetryAfter.retryAfterMs(retryAfter, received)
  return { _tag: "Unavailable", ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
}
