/**
 * A `KubernetesClient` that sends every request through a resilience pipeline. Errors of the pipeline become
 * `KubernetesError`, so callers do not need to know about the pipeline.
 *
 * **When to use**
 *
 * In every service. The clients themselves have no back-off, no retry budget, no circuit breaker and no bulkhead.
 *
 * **Details**
 *
 * A request is retried if its error is `retryable` and the cluster has not changed. A write with an unknown outcome is
 * not retried after an error. After an attempt timeout the pipeline does send it again, which is safe because every
 * write is conditional (on a `resourceVersion` or a `uid`): it can take effect only once, and a repetition fails with
 * `Conflict` or `NotFound`. If any attempt of a write got no response, its error has `applied: "unknown"`, however the
 * last attempt ended.
 *
 * The circuit breaker counts errors that indicate an unhealthy API server: no response, 5xx, overload. A refusal (RBAC,
 * a policy, a quota, a conflict, a disruption budget) is the response of a healthy server.
 *
 * **Our own limits.** A request that the open circuit or the full bulkhead turns away fails with `NotNow`. A read, and
 * a dry run, waits and tries again for as long as the work has patience (`resilience/pipeline/Patience`). A write does
 * not: the caller checks the fence again before it sends it again.
 *
 * **Spans.** The attempts of reads are folded (`resilience/pipeline/FoldedAttempts`); each attempt of a write and of a
 * dry run has a span, which names the request.
 *
 * `watch` is passed through unchanged, because it is not a request that completes.
 */

import { Duration, Effect } from "effect"
import * as Due from "../resilience/Due.ts"
import { fold } from "../resilience/pipeline/FoldedAttempts.ts"
import * as Patience from "../resilience/pipeline/Patience.ts"
import type { Classification, Pipeline, PipelineError } from "../resilience/pipeline/Pipeline.ts"
import { type KubernetesClient, KubernetesError } from "./KubernetesClient.ts"
import { pauseOfLimit } from "./NotNow.ts"
import * as OperationName from "./OperationName.ts"

/** How the pipeline treats a failed request: whether to retry it, and whether it counts against the circuit breaker. */
export const classify = (error: KubernetesError): Classification => {
  const retry = error.retryable && error.applied === "no"
  switch (error.reason._tag) {
    case "Unavailable":
    case "TooManyRequests": {
      // The server works: it is the pod that has too many budgets.
      if (error.reason._tag === "Unavailable" && error.reason.because === "several-budgets")
        return { retry: false, breaker: "ignored" }
      const { retryAfterMs } = error.reason
      return {
        retry,
        breaker: "failure",
        ...(retryAfterMs === undefined ? {} : { retryAfter: Duration.millis(retryAfterMs) })
      }
    }
    case "Timeout":
      return { retry, breaker: error.reason.isExcused === true ? "ignored" : "failure" }
    case "StorageFull":
      return { retry, breaker: "failure" }
    // The same eviction fails until pods elsewhere become ready. The executor retries it slowly.
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
        reason: { _tag: "NotNow", limit: "circuit-breaker", retryAfterMs: error.reason.retryAfterMs },
        operation,
        applied: "no",
        retryable: true
      })
    case "BulkheadFull":
      return new KubernetesError({
        reason: { _tag: "NotNow", limit: "bulkhead" },
        operation,
        applied: "no",
        retryable: true
      })
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

/** A request whose every attempt has a span: the span names it. */
const spanned = <A>(operation: string, call: Effect.Effect<A, KubernetesError>): Effect.Effect<A, KubernetesError> =>
  Effect.andThen(Effect.annotateCurrentSpan("kubernaut.request", operation), call)

/** The client with every request except `watch` sent through the pipeline. */
export const wrap = (client: KubernetesClient["Service"], pipeline: Pipeline): KubernetesClient["Service"] => {
  /** Each call that patience makes is a request of its own, with its own deadline. */
  const read = <A>(operation: string, call: () => Effect.Effect<A, KubernetesError>) =>
    Patience.retry(
      Effect.suspend(() => pipeline.execute(call(), classify)).pipe(
        Effect.catchTag("PipelineError", (error) => Effect.fail(fromPipeline(error, operation, false)))
      ),
      pauseOfLimit
    )

  /** An ordinary read: there are many, and only those that tell something have spans. A dry run is not one. */
  const folded = <A>(operation: string, call: () => Effect.Effect<A, KubernetesError>) =>
    fold(operation)(read(operation, call))

  const write = <A>(operation: string, call: Effect.Effect<A, KubernetesError>): Effect.Effect<A, KubernetesError> =>
    Effect.suspend(() => {
      let anyUnknown = false
      const attempt = spanned(operation, call).pipe(
        Effect.tapError((error) =>
          Effect.sync(() => {
            if (error.applied !== "no") anyUnknown = true
          })
        ),
        Effect.onInterrupt(() =>
          Effect.sync(() => {
            anyUnknown = true
          })
        )
      )
      // A write finishes work that was decided, so it does not wait behind reads: the fence was checked just before it.
      return Due.at(Number.NEGATIVE_INFINITY)(pipeline.execute(attempt, classify)).pipe(
        Effect.catchTag("PipelineError", (error) => Effect.fail(fromPipeline(error, operation, true))),
        Effect.mapError((error) =>
          anyUnknown && error.applied === "no" ? new KubernetesError({ ...error, applied: "unknown" }) : error
        )
      )
    })

  const named = OperationName.ofObject
  const { rights } = client
  return {
    ...(rights === undefined
      ? {}
      : {
          rights: {
            generation: rights.generation,
            may: (access) => folded(OperationName.ofReview(access), () => rights.may(access)),
            rules: (namespace) =>
              folded(OperationName.ofKind("review", "rules", namespace), () => rights.rules(namespace))
          }
        }),
    get: (ref) => folded(named("get", ref), () => client.get(ref)),
    list: (kind, options) =>
      folded(OperationName.ofKind("list", kind, options.namespace), () => client.list(kind, options)),
    apply: (change, options) => {
      const operation = OperationName.ofChange(change)
      const call = () => client.apply(change, options)
      return options?.dryRun === true ? read(operation, () => spanned(operation, call())) : write(operation, call())
    },
    logs: (pod, options) => folded(named("logs", pod), () => client.logs(pod, options)),
    watch: client.watch,
    // A probe finds out whether the cluster responds now.
    probe: Effect.provideService(
      folded("probe", () => client.probe),
      Patience.CurrentPatience,
      undefined
    )
  }
}
