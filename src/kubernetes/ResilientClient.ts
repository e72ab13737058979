/**
 * A `KubernetesClient` whose every request goes through a resilience pipeline; what the pipeline itself has to say
 * becomes a `KubernetesError`, so nobody further up knows that it is there.
 *
 * **Details**
 *
 * Retried are errors of which the implementation says that the same request may succeed and that the cluster has not
 * changed. A write whose outcome is unknown is not repeated here on an error; after an attempt timeout the pipeline
 * does repeat it, which is safe because each write is conditional (a resourceVersion, a uid): it can take effect once
 * only, and then answers `Conflict` or `NotFound`. If any attempt of a write was left without an answer, the error says
 * `applied: "unknown"` however the last attempt ended.
 *
 * The breaker counts what speaks of the API server's health: no answer, 5xx, overload. A refusal (RBAC, policy, quota,
 * conflict, a disruption budget) is a healthy server's answer.
 *
 * `watch` passes through: it is no request with an end, and whoever watches begins anew on `Expired` by himself.
 */

import { Duration, Effect, Layer } from "effect"
import { displayName, type ResourceRef } from "../domain/Target.ts"
import type { Classification, Pipeline, PipelineError } from "../resilience/pipeline/Pipeline.ts"
import { KubernetesClient, KubernetesError } from "./KubernetesClient.ts"

/** What a failed request means to the pipeline. */
export const classify = (error: KubernetesError): Classification => {
  const retry = error.retryable && error.applied === "no"
  switch (error.reason._tag) {
    case "Unavailable":
    case "TooManyRequests": {
      const { retryAfterMs } = error.reason
      return {
        retry,
        breaker: "failure",
        ...(retryAfterMs === undefined ? {} : { retryAfter: Duration.millis(retryAfterMs) })
      }
    }
    case "Timeout":
    case "StorageFull":
      return { retry, breaker: "failure" }
    // The same eviction is answered the same until pods elsewhere are ready; the executor tries again slowly.
    case "DisruptionBudget":
      return { retry: false, breaker: "ignored" }
    default:
      return { retry, breaker: "ignored" }
  }
}

const fromPipeline = (error: PipelineError, operation: string, writes: boolean): KubernetesError => {
  switch (error.reason._tag) {
    case "CircuitOpen":
      return new KubernetesError({
        reason: { _tag: "Unavailable", retryAfterMs: error.reason.retryAfterMs },
        operation,
        applied: "no",
        retryable: true
      })
    case "BulkheadFull":
      return new KubernetesError({ reason: { _tag: "Unavailable" }, operation, applied: "no", retryable: true })
    case "AttemptTimeout":
    case "DeadlineExceeded":
      return new KubernetesError({
        reason: { _tag: "Timeout" },
        operation,
        applied: writes ? "unknown" : "no",
        retryable: true
      })
  }
}

/** The client with every request but `watch` going through the pipeline. */
export const wrap = (client: KubernetesClient["Service"], pipeline: Pipeline): KubernetesClient["Service"] => {
  const read = <A>(operation: string, call: Effect.Effect<A, KubernetesError>): Effect.Effect<A, KubernetesError> =>
    pipeline
      .execute(call, classify)
      .pipe(Effect.catchTag("PipelineError", (error) => Effect.fail(fromPipeline(error, operation, false))))

  const write = <A>(operation: string, call: Effect.Effect<A, KubernetesError>): Effect.Effect<A, KubernetesError> =>
    Effect.suspend(() => {
      let unanswered = false
      const attempt = call.pipe(
        Effect.tapError((error) =>
          Effect.sync(() => {
            if (error.applied !== "no") unanswered = true
          })
        ),
        Effect.onInterrupt(() =>
          Effect.sync(() => {
            unanswered = true
          })
        )
      )
      return pipeline.execute(attempt, classify).pipe(
        Effect.catchTag("PipelineError", (error) => Effect.fail(fromPipeline(error, operation, true))),
        Effect.mapError((error) =>
          unanswered && error.applied === "no" ? new KubernetesError({ ...error, applied: "unknown" }) : error
        )
      )
    })

  const named = (verb: string, ref: ResourceRef) => `${verb} ${displayName(ref)}`
  return {
    get: (ref) => read(named("get", ref), client.get(ref)),
    list: (kind, options) => read(`list ${kind} ${options.namespace ?? ""}`.trimEnd(), client.list(kind, options)),
    apply: (change, options) => {
      const operation = named(change._tag.toLowerCase(), change.ref)
      const call = client.apply(change, options)
      return options?.dryRun === true ? read(operation, call) : write(operation, call)
    },
    logs: (pod, options) => read(named("logs", pod), client.logs(pod, options)),
    watch: client.watch,
    probe: read("probe", client.probe)
  }
}

/** Puts a pipeline before the client beneath. */
export const layer = (pipeline: Pipeline): Layer.Layer<KubernetesClient, never, KubernetesClient> =>
  Layer.effect(
    KubernetesClient,
    Effect.map(KubernetesClient, (client) => KubernetesClient.of(wrap(client, pipeline)))
  )
