/**
 * The parts that the service stands on, as the status page shows them, and the circuit breakers that an operator may
 * take by hand.
 *
 * Whoever puts the service together says which there are: `http` knows none of them.
 */

import { Context, Effect, Layer, Option } from "effect"
import type { CircuitBreaker, Snapshot } from "../../resilience/breaker/CircuitBreaker.ts"
import type { BreakerStatus, Component } from "../Api.ts"

/**
 * One part: how it is, asked at every look at the status, so it must be cheap; and its breaker, if calls to it go
 * through one.
 */
export interface Part {
  readonly name: string
  readonly breaker?: CircuitBreaker
  /** Absent: told by the breaker. */
  readonly status?: Effect.Effect<{ readonly status: Component["status"]; readonly message?: string }>
}

const states = {
  Closed: "closed",
  Open: "open",
  HalfOpen: "half-open",
  Isolated: "isolated",
  ForcedClosed: "forced-closed"
} as const

/** A breaker as the interface shows it. */
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
  isolated: "down"
}

const look = Effect.fnUntraced(function* (part: Part) {
  const breaker = part.breaker === undefined ? undefined : breakerStatus(yield* part.breaker.state)
  const told =
    part.status === undefined
      ? { status: breaker === undefined ? ("unknown" as const) : statusByBreaker[breaker.state] }
      : yield* part.status
  return { name: part.name, ...told, ...(breaker === undefined ? {} : { breaker }) } satisfies Component
})

export class Components extends Context.Service<
  Components,
  {
    readonly list: Effect.Effect<ReadonlyArray<Component>>
    readonly breaker: (name: string) => Option.Option<CircuitBreaker>
    readonly breakerNames: ReadonlyArray<string>
  }
>()("kubernaut/http/routes/Components") {
  static readonly layer = (parts: ReadonlyArray<Part>): Layer.Layer<Components> => {
    const breakers = new Map(
      parts.flatMap(({ breaker }) => (breaker === undefined ? [] : [[breaker.name, breaker] as const]))
    )
    return Layer.succeed(Components, {
      list: Effect.forEach(parts, look),
      breaker: (name) => Option.fromUndefinedOr(breakers.get(name)),
      breakerNames: [...breakers.keys()]
    })
  }
}
