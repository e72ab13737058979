/**
 * Asks Alertmanager whether an alert still fires.
 *
 * Alertmanager tells us of a resolved alert only with its next group interval; verification asks so that it need not
 * wait, and so that an alert that goes on firing is never called fixed. Without an `ALERTMANAGER_URL` nobody can be
 * asked, and the workload alone is judged.
 */

import { Context, Effect, Layer, Schema } from "effect"
import { HttpClient, HttpClientRequest, HttpClientResponse } from "effect/http"
import type { Alert } from "../domain/Alert.ts"

/** `GET /api/v2/alerts`, as much of it as is needed. */
const GettableAlerts = Schema.Array(
  Schema.Struct({ fingerprint: Schema.String, status: Schema.Struct({ state: Schema.String }) })
)

export class FiringAlerts extends Context.Service<
  FiringAlerts,
  {
    /** `undefined` when Alertmanager does not respond in time, or responds with something that is no list of alerts. */
    readonly stillFiring: (alert: Alert) => Effect.Effect<boolean | undefined>
  }
>()("kubernaut/verification/FiringAlerts") {}

/** Without an Alertmanager: it is never known whether an alert fires. */
export const layerNone: Layer.Layer<FiringAlerts> = Layer.succeed(FiringAlerts, {
  stillFiring: () => Effect.undefined
})

/** `url` is Alertmanager's base address, e.g. `http://alertmanager:9093`. */
export const layerAlertmanager = (options: {
  readonly url: string
}): Layer.Layer<FiringAlerts, never, HttpClient.HttpClient> =>
  Layer.effect(
    FiringAlerts,
    Effect.map(HttpClient.HttpClient, (client) => {
      const endpoint = `${options.url.replace(/\/+$/, "")}/api/v2/alerts`
      return FiringAlerts.of({
        stillFiring: (alert) =>
          client
            .execute(
              HttpClientRequest.get(endpoint).pipe(
                // Silenced and inhibited alerts fire all the same.
                HttpClientRequest.setUrlParams({
                  filter: `alertname=${JSON.stringify(alert.name)}`,
                  active: "true",
                  silenced: "true",
                  inhibited: "true"
                })
              )
            )
            .pipe(
              Effect.flatMap(HttpClientResponse.filterStatusOk),
              Effect.flatMap(HttpClientResponse.schemaBodyJson(GettableAlerts)),
              Effect.timeout("5 seconds"),
              Effect.map((alerts) => alerts.some(({ fingerprint }) => fingerprint === alert.fingerprint)),
              Effect.catch((error) =>
                Effect.as(Effect.logWarning("Alertmanager could not be queried", { reason: error._tag }), undefined)
              )
            )
      })
    })
  )
