/**
 * Checks with Alertmanager whether an alert still fires.
 *
 * Alertmanager sends the notification of a resolved alert only at its next group interval. Verification queries it
 * directly, so that it does not wait for that interval and never reports a target as fixed while its alert still fires.
 * Without an Alertmanager, the verdict depends on the workload and on webhooks.
 *
 * `AlertEvidence` decides what a response means. In particular, Alertmanager keeps no alerts across a restart, so a
 * response includes the identity of the process: when it started, and its name in its cluster.
 */

import { Context, Effect, Layer, Result, Schema } from "effect"
import { HttpClient, HttpClientRequest, HttpClientResponse } from "effect/http"
import type { Alert } from "../domain/Alert.ts"
import type { CircuitBreaker } from "../resilience/breaker/CircuitBreaker.ts"
import type { Classification } from "../resilience/pipeline/Classification.ts"
import { fold } from "../resilience/pipeline/FoldedAttempts.ts"
import * as Pipeline from "../resilience/pipeline/Pipeline.ts"
import * as TimeLimit from "../resilience/TimeLimit.ts"

/** What Alertmanager says about an alert. */
export type Sighting =
  /** It lists the alert. `instance` identifies the process that responded. */
  | { readonly _tag: "Listed"; readonly instance: string }
  /** It lists alerts, and this one is not among them. */
  | { readonly _tag: "Absent"; readonly instance: string }
  /** There is no Alertmanager, or it gives no usable response. */
  | { readonly _tag: "Silent" }

/** The response of `GET /api/v2/alerts`, reduced to the fields used here. */
const GettableAlerts = Schema.Array(
  Schema.Struct({
    fingerprint: Schema.String,
    status: Schema.Struct({ state: Schema.String }),
    labels: Schema.optionalKey(Schema.Record(Schema.String, Schema.String))
  })
)

/** The response of `GET /api/v2/status`, reduced to what differs between two processes. */
const AlertmanagerStatus = Schema.Struct({
  /** Despite its name, the time at which the process started. */
  uptime: Schema.String,
  /** The name is new with every start, and absent when there is no cluster. */
  cluster: Schema.optionalKey(Schema.Struct({ name: Schema.optionalKey(Schema.String) }))
})

/** The source of an alert's current status. Choose `layerAlertmanager` or `layerNone`. */
export class FiringAlerts extends Context.Service<
  FiringAlerts,
  {
    /** What Alertmanager says about the alert now. */
    readonly look: (alert: Alert) => Effect.Effect<Sighting>
    /**
     * Whether Alertmanager lists an alert of this name whose labels are accepted; `undefined`: it gives no usable
     * response. Absent without an Alertmanager.
     */
    readonly lists?: (
      alertname: string,
      accepts: (labels: Readonly<Record<string, string>>) => boolean
    ) => Effect.Effect<boolean | undefined>
    /** The circuit breaker in front of Alertmanager, for status pages and operators. */
    readonly circuitBreaker?: CircuitBreaker
    /** Whether Alertmanager responds, outside of the breaker. `countsAsFailure: false`: nothing was found out. */
    readonly probe?: Effect.Effect<void, { readonly countsAsFailure: boolean }>
  }
>()("kubernaut/verification/FiringAlerts") {}

const silent: Sighting = { _tag: "Silent" }

/** For a service without an Alertmanager. */
export const layerNone: Layer.Layer<FiringAlerts> = Layer.succeed(FiringAlerts, { look: () => Effect.succeed(silent) })

const statusOf = (error: { readonly _tag: string; readonly response?: { readonly status: number } | undefined }) =>
  error._tag === "HttpClientError" ? error.response?.status : undefined

/** Whether the server did not respond, or is not able to. */
const isAway = (error: Parameters<typeof statusOf>[0]): boolean => {
  const status = statusOf(error)
  return status === undefined ? error._tag === "HttpClientError" : status >= 500 || status === 429
}

const makeQueries = (client: HttpClient.HttpClient, url: string) => {
  const api = `${url.replace(/\/+$/, "")}/api/v2`

  const list = (alertname: string) =>
    client
      .execute(
        HttpClientRequest.get(`${api}/alerts`).pipe(
          // Silenced and inhibited alerts still fire.
          HttpClientRequest.setUrlParams({
            filter: `alertname=${JSON.stringify(alertname)}`,
            active: "true",
            silenced: "true",
            inhibited: "true"
          })
        )
      )
      .pipe(
        Effect.flatMap(HttpClientResponse.filterStatusOk),
        Effect.flatMap(HttpClientResponse.schemaBodyJson(GettableAlerts))
      )

  /** The identity of the process. A server without this endpoint has none: `""`. */
  const instance = Effect.gen(function* () {
    const response = yield* client.execute(HttpClientRequest.get(`${api}/status`))
    if (response.status === 404) return ""
    const ok = yield* HttpClientResponse.filterStatusOk(response)
    const { cluster, uptime } = yield* HttpClientResponse.schemaBodyJson(AlertmanagerStatus)(ok)
    return `${uptime} ${cluster?.name ?? ""}`
  })

  const look = Effect.fnUntraced(function* (alert: Alert) {
    const known = yield* Effect.result(instance)
    if (Result.isFailure(known) && isAway(known.failure)) return yield* known.failure
    const before = Result.getOrElse(known, () => "")
    // That the alert is listed needs no identity: a proxy may permit the list alone.
    if ((yield* list(alert.name)).some(({ fingerprint }) => fingerprint === alert.fingerprint))
      return { _tag: "Listed", instance: before } satisfies Sighting
    // A process that has started since the alert was seen lists nothing, and without an identity that goes unnoticed.
    if (before === "") return silent
    // Nor does one that starts between the two requests.
    return (yield* instance) === before ? ({ _tag: "Absent", instance: before } satisfies Sighting) : silent
  })
  return { list, look }
}

type QueryError = Effect.Error<ReturnType<ReturnType<typeof makeQueries>["look"]>>

/** How long a probe may take. */
const probeTimeout = "5 seconds"

/**
 * Asks for the status only. A server without that endpoint, or that refuses us, responds all the same: real calls that
 * it refuses do not count against it either. A limit on requests shows nothing.
 */
const makeProbe = (client: HttpClient.HttpClient, url: string, excuses = new TimeLimit.Excuses()) =>
  client.execute(HttpClientRequest.get(`${url.replace(/\/+$/, "")}/api/v2/status`)).pipe(
    Effect.mapError(() => ({ countsAsFailure: true })),
    TimeLimit.within(excuses, probeTimeout, (isExcused) => Effect.fail({ countsAsFailure: !isExcused })),
    Effect.flatMap(({ status }) =>
      status >= 500 || status === 429 ? Effect.fail({ countsAsFailure: status !== 429 }) : Effect.void
    ),
    Effect.scoped
  )

/** A refusal of our request says nothing about the health of Alertmanager; no response, and one that makes no sense, do. */
const classify = (error: QueryError): Classification => {
  const retry = isAway(error)
  return { retry, breaker: retry || statusOf(error) === undefined ? "failure" : "ignored" }
}

/**
 * Queries the Alertmanager at `url`, its base address, for example `http://alertmanager:9093`.
 *
 * Its pipeline has a deadline of 5 s and two attempts, because verification asks again within seconds. An open circuit
 * is no statement about the alert: verification then depends on the workload and on webhooks.
 */
export const layerAlertmanager = (options: {
  readonly url: string
}): Layer.Layer<FiringAlerts, never, HttpClient.HttpClient> =>
  Layer.effect(
    FiringAlerts,
    Effect.gen(function* () {
      const client = yield* HttpClient.HttpClient
      const { list, look } = makeQueries(client, options.url)
      const pipeline = yield* Pipeline.make("alertmanager", { deadline: "5 seconds", retry: { attempts: 2 } })
      const ask = <A>(question: Effect.Effect<A, QueryError>, unanswered: A) =>
        // Verification asks at each look, so the attempts are folded in its span.
        fold("list alerts")(pipeline.execute(question, classify)).pipe(
          Effect.catch((error) =>
            Effect.as(
              Effect.logWarning("Alertmanager could not be queried", {
                reason: error._tag === "PipelineError" ? error.reason._tag : error._tag
              }),
              unanswered
            )
          )
        )
      return FiringAlerts.of({
        ...(pipeline.circuitBreaker === undefined ? {} : { circuitBreaker: pipeline.circuitBreaker }),
        probe: makeProbe(client, options.url),
        look: (alert) => ask(look(alert), silent),
        lists: (alertname, accepts) =>
          ask<boolean | undefined>(
            Effect.map(list(alertname), (alerts) => alerts.some(({ labels = {} }) => accepts(labels))),
            undefined
          )
      })
    })
  )
