/**
 * Errors that say nothing about an object, and how to wait them out.
 *
 * | error                                                  | is about          | is waited out by              |
 * | ------------------------------------------------------ | ----------------- | ----------------------------- |
 * | `NotNow`                                               | Kubernaut's limit | `ResilientClient`, every read |
 * | `Unavailable`, `Timeout`, `TooManyRequests`, `Expired` | the API server    | `waitOut`                     |
 * | every other one, such as `NotFound` and `Forbidden`    | the object        | nobody: it is the answer      |
 *
 * Both wait at most as long as the patience of the work (`resilience/pipeline/Patience`).
 */

import type { Effect } from "effect"
import * as Patience from "../resilience/pipeline/Patience.ts"
import type { KubernetesError } from "./KubernetesClient.ts"

/** The pauses between two calls. */
const leastMs = 100
const mostMs = 5000

const within = (ms: number): number => Math.min(mostMs, Math.max(leastMs, ms))

/** How long to wait after a rejection by our own limit; `undefined` for any other error. */
export const pauseOfLimit = ({ applied, reason }: KubernetesError): number | undefined =>
  reason._tag === "NotNow" && applied === "no" ? within(reason.retryAfterMs ?? leastMs) : undefined

/** Whether the server fails because of the object that the request is about, which waiting does not change. */
const isForGood = ({ reason }: KubernetesError): boolean =>
  reason._tag === "Unavailable" && (reason.because === "several-budgets" || reason.because === "storage-read")

/** How long to wait after an error that says nothing about the object; `undefined` for any other error. */
export const pauseOf = (error: KubernetesError, earlier: number): number | undefined => {
  if (error.applied !== "no" || isForGood(error)) return undefined
  switch (error.reason._tag) {
    case "NotNow":
    case "Unavailable":
    case "TooManyRequests":
      return within(error.reason.retryAfterMs ?? 1000 * 2 ** Math.min(earlier, 8))
    case "Timeout":
    case "Expired":
      return within(1000 * 2 ** Math.min(earlier, 8))
    default:
      return undefined
  }
}

/** Reads again, while the patience lasts, after an error that says nothing about the object. */
export const waitOut = <A, R>(read: Effect.Effect<A, KubernetesError, R>): Effect.Effect<A, KubernetesError, R> =>
  Patience.retry(read, pauseOf)
