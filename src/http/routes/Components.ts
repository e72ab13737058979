/**
 * The components that the service depends on, as the status route shows them, and the circuit breakers that an operator
 * can override.
 *
 * The wiring of the service supplies the list, so `http` depends on none of them.
 */

import { Context, Effect, Layer, Option } from "effect"
import type { CircuitBreaker, Snapshot } from "../../resilience/breaker/CircuitBreaker.ts"
import type { BreakerStatus, Component } from "../Responses.ts"

/** One dependency of the service. `status` runs on every status request, so it must be cheap. */
export interface Part {
  readonly name: string
  /** The breaker that guards calls to it, if any. */
  readonly breaker?: CircuitBreaker
  /** Default: derived from the state of the breaker. */
  readonly status?: Effect.Effect<{ readonly status: Component["status"]; readonly message?: string }>
}

const states = {
  Closed: "closed",
  Open: "open",
  HalfOpen: "half-open",
  Isolated: "isolated",
  ForcedClosed: "forced-closed"
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
  isolated: "down"
}

const componentOf = Effect.fnUntraced(function* (part: Part) {
  const breaker = part.breaker === undefined ? undefined : breakerStatus(yield* part.breaker.state)
  const status =
    part.status === undefined
      ? { status: breaker === undefined ? ("unknown" as const) : statusByBreaker[breaker.state] }
      : yield* part.status
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

export const layer = (parts: ReadonlyArray<Part>): Layer.Layer<Components> => {
  const breakers = new Map(
    parts.flatMap(({ breaker }) => (breaker === undefined ? [] : [[breaker.name, breaker] as const]))
  )
  return Layer.succeed(Components, {
    list: Effect.forEach(parts, componentOf),
    breaker: (name) => Option.fromUndefinedOr(breakers.get(name)),
    breakerNames: [...breakers.keys()]
  })
}
