/**
 * `TargetMetrics` by the HTTP API of Prometheus, or of anything with that API: Thanos, Mimir, VictoriaMetrics.
 *
 * Its pipeline has a deadline of 2 s and one attempt, because evidence is gathered within seconds and an investigation
 * is possible without it. At most a megabyte of a response is read.
 */

import { Effect, Layer, Schema, Stream } from "effect"
import { HttpClient, HttpClientRequest, type HttpClientResponse } from "effect/http"
import type { Classification } from "../../resilience/pipeline/Classification.ts"
import { fold } from "../../resilience/pipeline/FoldedAttempts.ts"
import * as Pipeline from "../../resilience/pipeline/Pipeline.ts"
import { type MetricLine, MetricsUnread, type Question, questionsOf, TargetMetrics } from "./TargetMetrics.ts"

/** The response of `GET /api/v1/query` to an instant query, reduced to what is used. */
const QueryResponse = Schema.fromJsonString(
  Schema.Struct({
    status: Schema.Literal("success"),
    data: Schema.Struct({
      resultType: Schema.Literal("vector"),
      result: Schema.Array(
        Schema.Struct({
          metric: Schema.Record(Schema.String, Schema.String),
          value: Schema.Tuple([Schema.Finite, Schema.String])
        })
      )
    })
  })
)
const decode = Schema.decodeUnknownEffect(QueryResponse)

const deadline = "2 seconds"
const mostBytes = 1024 * 1024
/** The values of one question that are kept. */
const mostValues = 50

/** `refused`: the server responds, and not to this request. That says nothing about its health. */
class QueryFailed extends Schema.TaggedError<QueryFailed>()("QueryFailed", { refused: Schema.Boolean }) {}

const failed = (refused: boolean) => new QueryFailed({ refused })

const classify = ({ refused }: QueryFailed): Classification => ({
  retry: false,
  breaker: refused ? "ignored" : "failure"
})

const isQueryFailed = Schema.is(QueryFailed)

const bodyOf = ({ stream }: HttpClientResponse.HttpClientResponse): Effect.Effect<string, QueryFailed> =>
  Effect.suspend(() => {
    const decoder = new TextDecoder()
    let body = ""
    let bytes = 0
    return Stream.runForEach(stream, (chunk) => {
      bytes += chunk.length
      if (bytes > mostBytes) return Effect.fail(failed(true))
      body += decoder.decode(chunk, { stream: true })
      return Effect.void
    }).pipe(
      Effect.mapError((error) => (isQueryFailed(error) ? error : failed(false))),
      Effect.map(() => body + decoder.decode())
    )
  })

/** A value, unless it is not a number: a share of nothing is `NaN`. */
const lineOf = (
  { name, unit }: Question,
  metric: Readonly<Record<string, string>>,
  text: string
): ReadonlyArray<MetricLine> => {
  const value = Number(text)
  if (text === "" || !Number.isFinite(value)) return []
  const { container, pod } = metric
  return [
    {
      name,
      unit,
      ...(pod === undefined ? {} : { pod }),
      ...(container === undefined ? {} : { container }),
      value: Number(value.toPrecision(4))
    }
  ]
}

/**
 * Asks the Prometheus at `url`, its base address. `selector`: more matchers for every series, such as
 * `cluster="prod-a"`, where it has the series of several clusters.
 */
export const layer = (options: {
  readonly url: string
  readonly selector?: string
}): Layer.Layer<TargetMetrics, never, HttpClient.HttpClient> =>
  Layer.effect(
    TargetMetrics,
    Effect.gen(function* () {
      const client = yield* HttpClient.HttpClient
      const address = `${options.url.replace(/\/+$/, "")}/api/v1/query`
      const pipeline = yield* Pipeline.make("prometheus", { deadline, retry: { attempts: 1 } })

      const ask = Effect.fnUntraced(function* (question: Question) {
        const response = yield* Effect.mapError(
          client.execute(
            HttpClientRequest.get(address).pipe(
              HttpClientRequest.acceptJson,
              HttpClientRequest.setUrlParams({ query: question.query, timeout: "2s" })
            )
          ),
          () => failed(false)
        )
        const body = yield* bodyOf(response)
        if (response.status !== 200) return yield* failed(response.status < 500)
        const { data } = yield* Effect.mapError(decode(body), () => failed(false))
        return data.result.slice(0, mostValues).flatMap(({ metric, value }) => lineOf(question, metric, value[1]))
      })

      return TargetMetrics.of({
        ...(pipeline.circuitBreaker === undefined ? {} : { circuitBreaker: pipeline.circuitBreaker }),
        probe: ask({ name: "one", unit: "count", query: "vector(1)" }).pipe(
          Effect.timeoutOrElse({ duration: deadline, orElse: () => failed(false) }),
          Effect.mapError(({ refused }) => ({ countsAsFailure: !refused })),
          Effect.asVoid
        ),
        read: (subject) =>
          Effect.forEach(
            questionsOf(subject, options.selector),
            (question) => fold(`query ${question.name}`)(Effect.scoped(pipeline.execute(ask(question), classify))),
            { concurrency: 5 }
          ).pipe(
            Effect.map((lines) => lines.flat()),
            Effect.catch((error) =>
              Effect.andThen(
                Effect.logWarning("Prometheus could not be queried", {
                  reason: error._tag === "PipelineError" ? error.reason._tag : error.refused ? "refused" : "unavailable"
                }),
                new MetricsUnread()
              )
            )
          )
      })
    })
  )
