/**
 * Checks with Alertmanager whether an alert still fires.
 *
 * Alertmanager sends the notification of a resolved alert only at its next group interval. Verification queries it
 * directly, so that it does not wait for that interval and never reports a target as fixed while its alert still fires.
 * Without an Alertmanager, the verdict depends on the workload alone.
 */

import { Context, Effect, Layer, Schema } from "effect"
import { HttpClient, HttpClientRequest, HttpClientResponse } from "effect/http"
import type { Alert } from "../domain/Alert.ts"

/** The response of `GET /api/v2/alerts`, reduced to the fields used here. */
const GettableAlerts = Schema.Array(
  Schema.Struct({ fingerprint: Schema.String, status: Schema.Struct({ state: Schema.String }) })
)

/** The source of an alert's current status. Choose `layerAlertmanager` or `layerNone`. */
export class FiringAlerts extends Context.Service<
  FiringAlerts,
  {
    /** Whether the alert fires; `undefined` if Alertmanager does not respond in time with a list of alerts. */
    readonly stillFiring: (alert: Alert) => Effect.Effect<boolean | undefined>
  }
>()("kubernaut/verification/FiringAlerts") {}

/** For a service without an Alertmanager: whether an alert fires is never known. */
export const layerNone: Layer.Layer<FiringAlerts> = Layer.succeed(FiringAlerts, {
  stillFiring: () => Effect.undefined
})

/** Queries the Alertmanager at `url`, its base address, for example `http://alertmanager:9093`. */
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
                // Silenced and inhibited alerts still fire.
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
