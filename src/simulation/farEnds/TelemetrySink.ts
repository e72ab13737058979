/**
 * The receiver of the service's traces, an OTLP/HTTP collector behind Effect's `HttpClient`. The real `Tracing` of the
 * service runs on it, where the scenario asks for telemetry; elsewhere nothing of this is made.
 *
 * It stands on both ends: it makes the tracer that counts which spans have ended, and it counts which of them arrive.
 * What of the difference was dropped only the service knows, and says by `TraceExport`; nobody takes its word for how
 * much waits.
 */

import { Context, Effect, Layer, Tracer } from "effect"
import { HttpClient, type HttpClientError, type HttpClientRequest, type HttpClientResponse } from "effect/http"
import type { OtlpSpan } from "../../telemetry/OtlpSpan.ts"
import * as Tracing from "../../telemetry/Tracing.ts"
import type { SeededRandom } from "../engine/SeededRandom.ts"
import type { ExportEnding } from "../observation/Observation.ts"
import type { FarEnd, Setting } from "./FarEnd.ts"
import { askedIn, passageOf, Response } from "./HolmesGpt.ts"
import { ActiveFaults } from "./paths/ActiveFaults.ts"

/** What the collector says to a batch. */
export type SinkReply =
  | { readonly _tag: "Status"; readonly status: number; readonly retryAfter?: string }
  /** Nobody listens. */
  | { readonly _tag: "Down" }

/** Stands between a batch and its answer. Several stand one around the other. */
export type SinkFault = (reply: Effect.Effect<SinkReply>) => Effect.Effect<SinkReply>

/** A small queue: an outage of some minutes fills it. */
export const queueCapacity = 500

/** How long one request may take. */
export const exportTimeoutMs = 10_000

interface Account {
  readonly process: number
  made: number
  received: number
  exports: number
  dropped: () => number
}

const taken: SinkReply = { _tag: "Status", status: 200 }

const spansIn = (request: HttpClientRequest.HttpClientRequest): number => {
  const { resourceSpans } = JSON.parse(askedIn(request)) as {
    readonly resourceSpans: ReadonlyArray<{
      readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<OtlpSpan> }>
    }>
  }
  return resourceSpans.reduce(
    (sum, { scopeSpans }) => sum + scopeSpans.reduce((inner, { spans }) => inner + spans.length, 0),
    0
  )
}

const endingOf = (reply: SinkReply): ExportEnding =>
  reply._tag === "Down" || reply.status === 429 || reply.status >= 500
    ? "not-now"
    : reply.status === 200
      ? "taken"
      : "refused"

export class TelemetrySink implements FarEnd {
  readonly name = "telemetrySink"
  /** What the service gets: at each boot an account of its own. */
  readonly tracing: Layer.Layer<never>
  private readonly setting: Setting
  private readonly random: SeededRandom
  private readonly faults = new ActiveFaults<SinkFault>()
  private accounts = 0

  constructor(setting: Setting) {
    this.setting = setting
    this.random = setting.world.random("telemetry sink")
    this.tracing = Layer.unwrap(Effect.sync(() => this.connect()))
  }

  /** From now on, until the answer is called. */
  disturb(fault: SinkFault): () => void {
    return this.faults.add(fault)
  }

  private connect(): Layer.Layer<never> {
    const account: Account = { process: ++this.accounts, made: 0, received: 0, exports: 0, dropped: () => 0 }
    const counting = Layer.effect(
      Tracer.Tracer,
      Effect.map(Effect.tracer, (tracer) => Tracing.listening(tracer, () => account.made++))
    )
    const client = Layer.succeed(
      HttpClient.HttpClient,
      HttpClient.make((request) => this.take(account, request))
    )
    return Tracing.layer({
      endpoint: "http://collector.simulated:4318",
      serviceVersion: "simulated",
      clusterName: "simulated",
      queueCapacity,
      exportTimeoutMs
    }).pipe(
      Layer.tap((context) =>
        Effect.sync(() => {
          account.dropped = Context.get(context, Tracing.TraceExport).dropped
        })
      ),
      Layer.provide(counting),
      Layer.provide(client)
    ) as unknown as Layer.Layer<never>
  }

  private take(
    account: Account,
    request: HttpClientRequest.HttpClientRequest
  ): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> {
    const { observations, scenario } = this.setting
    return Effect.suspend(() => {
      const spans = spansIn(request)
      const about = { process: account.process, number: ++account.exports, spans }
      observations.publish({ _tag: "ExportBegan", ...about })
      const told = (ending: ExportEnding) => {
        if (ending === "taken") account.received += spans
        const { dropped, made, received } = account
        observations.publish({ _tag: "ExportEnded", ...about, ending, made, received, dropped: dropped() })
      }
      let reply: Effect.Effect<SinkReply> = Effect.succeed(taken)
      for (const fault of this.faults) reply = fault(reply)
      const underWay = Effect.suspend(() => Effect.sleep(this.random.between(...scenario.clusterLatencyMs)))
      return Effect.onInterrupt(Effect.andThen(underWay, reply), () => Effect.sync(() => told("given-up"))).pipe(
        Effect.tap((made) => Effect.sync(() => told(endingOf(made)))),
        Effect.flatMap((made) =>
          made._tag === "Down"
            ? Effect.fail(passageOf(request).broken("refused"))
            : Effect.succeed(
                new Response(
                  request,
                  {
                    status: made.status,
                    body: "{}",
                    worth: "neither",
                    ...(made.retryAfter === undefined ? {} : { retryAfter: made.retryAfter })
                  },
                  1
                )
              )
        )
      )
    })
  }
}
