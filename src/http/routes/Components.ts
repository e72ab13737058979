/**
 * The components that the service depends on, as the status route shows them, and the circuit breakers that an operator
 * can override.
 *
 * The wiring of the service supplies the list, so `http` depends on none of them. The health check of the same name
 * says what is known while the breaker is closed: a peer of which nothing is known is not up.
 */

import { Context, Effect, Layer, Option } from "effect"
import type { Finding } from "../../health/HealthSupervisor.ts"
import type { CircuitBreaker, Snapshot } from "../../resilience/breaker/CircuitBreaker.ts"
import type { BreakerStatus, Component } from "../Responses.ts"

/** One dependency of the service. `status` runs on every status request, so it must be cheap. */
export interface Part {
  readonly name: string
  /** The breaker that guards calls to it, if any. */
  readonly breaker?: CircuitBreaker
  /** Default: derived from the state of the breaker. */
  readonly status?: Effect.Effect<Pick<Component, "status" | "message" | "waiting">>
}

const states = {
  Closed: "closed",
  Open: "open",
  HalfOpen: "half-open",
  Isolated: "isolated",
  ForcedClosed: "forced-closed",
  Suspended: "suspended"
} as const

/** A breaker as the API shows it. */
export const breakerStatus = ({
  _tag,
  failures,
  failuresInARow,
  name,
  reason,
  requests,
  retryAfterMs
}: Snapshot): BreakerStatus => ({
  name,
  state: states[_tag],
  ...(requests === undefined ? {} : { requests }),
  ...(failures === undefined ? {} : { failures }),
  ...(failuresInARow === undefined ? {} : { failuresInARow }),
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  ...(reason === undefined ? {} : { reason })
})

const statusByBreaker: Readonly<Record<BreakerStatus["state"], Component["status"]>> = {
  closed: "up",
  "forced-closed": "up",
  "half-open": "degraded",
  open: "down",
  isolated: "down",
  suspended: "down"
}

/** A peer behind a closed breaker is as its health check found it. Without a check, the breaker decides. */
const statusByFinding: Readonly<Record<Finding["status"], Component["status"]>> = {
  healthy: "up",
  unhealthy: "degraded",
  unknown: "unknown"
}

const statusOf = (
  breaker: BreakerStatus | undefined,
  finding: Finding | undefined
): Pick<Component, "status" | "message"> => {
  if (breaker !== undefined && statusByBreaker[breaker.state] !== "up")
    return { status: statusByBreaker[breaker.state] }
  if (finding !== undefined)
    return {
      status: statusByFinding[finding.status],
      ...(finding.message === undefined ? {} : { message: finding.message })
    }
  return { status: breaker === undefined ? "unknown" : statusByBreaker[breaker.state] }
}

const componentOf = Effect.fnUntraced(function* (part: Part, finding: Finding | undefined) {
  const breaker = part.breaker === undefined ? undefined : breakerStatus(yield* part.breaker.state)
  const status = part.status === undefined ? statusOf(breaker, finding) : yield* part.status
  return { name: part.name, ...status, ...(breaker === undefined ? {} : { breaker }) } satisfies Component
})

export class Components extends Context.Service<
  Components,
  {
    readonly list: Effect.Effect<ReadonlyArray<Component>>
    readonly breaker: (name: string) => Option.Option<CircuitBreaker>
    readonly breakerNames: ReadonlyArray<string>
  }
>()("kubernaut/http/routes/Components") {}

/** `findings`: those of the health checks. Default: none, so that breakers alone decide. */
export const layer = (
  parts: ReadonlyArray<Part>,
  findings: Effect.Effect<ReadonlyArray<Finding>> = Effect.succeed([])
): Layer.Layer<Components> => {
  const breakers = new Map(
    parts.flatMap(({ breaker }) => (breaker === undefined ? [] : [[breaker.name, breaker] as const]))
  )
  return Layer.succeed(Components, {
    list: Effect.flatMap(findings, (found) =>
      Effect.forEach(parts, (part) =>
        componentOf(
          part,
          found.find(({ name }) => name === part.name)
        )
      )
    ),
    breaker: (name) => Option.fromUndefinedOr(breakers.get(name)),
    breakerNames: [...breakers.keys()]
  })
}
