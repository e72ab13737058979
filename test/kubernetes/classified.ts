/** A request and its response, and how they are classified. */

import type { Applied } from "../../src/domain/Execution.ts"
import type { KubernetesErrorReason } from "../../src/kubernetes/KubernetesClient.ts"
import type { Outcome, RequestContext, Status } from "../../src/kubernetes/StatusClassifier.ts"

export const write: RequestContext = { operation: "patch Deployment shop/checkout", writes: true }
export const read: RequestContext = { operation: "get Deployment shop/checkout", writes: false }
export const create: RequestContext = { operation: "create Pod shop/one", writes: true, creates: true }

export const response = (status: number, body?: Omit<Status, "kind">, retryAfter?: string): Outcome => ({
  _tag: "Response",
  status,
  body: body === undefined ? undefined : { kind: "Status", apiVersion: "v1", status: "Failure", code: status, ...body },
  retryAfter
})

export interface Row {
  readonly what: string
  /** Default: a patch. */
  readonly context?: RequestContext
  readonly outcome: Outcome
  readonly reason: KubernetesErrorReason
  /** For a write. Default `no`. */
  readonly applied?: Applied
  /** Default `false`. */
  readonly retryable?: boolean
}

export const forbidden = (message: string): Outcome => response(403, { reason: "Forbidden", message })
export const internal = (message: string): Outcome => response(500, { reason: "InternalError", message })
