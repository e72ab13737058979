/**
 * The component checks of peers: what real calls show, and an active probe where they show nothing.
 *
 * | the breaker                                        | finding                                        |
 * | -------------------------------------------------- | ---------------------------------------------- |
 * | is open, half-open or isolated                     | unhealthy. `Probes` finds out when it recovers |
 * | is suspended                                       | unhealthy. Only a real call finds that out     |
 * | is closed, and there were calls in the last minute | what the last of them showed. No probe is made |
 * | is closed otherwise                                | what a probe finds                             |
 * | is closed, and there is nothing to probe with      | unknown, until calls are made                  |
 *
 * A probe that fails counts against the breaker like a call, and is made again a second later, at most five times. So a
 * peer that is gone is found without an alert, within the interval of a check. A probe that succeeds does not count: a
 * health route that lies must not hide the failures of real calls. Nor does a probe that is refused, or one that fails
 * while a call is under way (`Probes`): then only real calls show whether the peer works.
 */

import { Effect, Exit } from "effect"
import type { Snapshot } from "../resilience/breaker/CircuitBreaker.ts"
import type { EventHub } from "../resilience/EventHub.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import type { ResilienceEvent } from "../resilience/ResilienceEvent.ts"
import { type Check, healthy, type Outcome, unhealthy, unknown } from "./Check.ts"
import { type Probed, probeOf } from "./Probes.ts"

/** As many failures in a row open a breaker by default. */
const probesInARow = 5
const pause = "1 second"
const probeTimeout = "5 seconds"

/** What the breaker alone shows; `undefined` if that needs a probe. */
export const shownByCalls = ({
  _tag,
  failures = 0,
  failuresInARow = 0,
  reason,
  requests = 0
}: Snapshot): Outcome | undefined => {
  switch (_tag) {
    case "Open":
      return unhealthy(`is out: its circuit breaker is open${reason === undefined ? "" : ` (${reason})`}`)
    case "HalfOpen":
      return unhealthy("is being probed: its circuit breaker is half-open")
    case "Isolated":
      return unhealthy("is isolated by an operator")
    case "Suspended":
      return unhealthy(`is suspended: ${reason}`)
    default:
      if (requests === 0) return undefined
      return failuresInARow === 0
        ? healthy(`${requests - failures} of ${requests} calls of the last minute succeeded`)
        : unhealthy(`failed: the last ${failuresInARow} calls`)
  }
}

const inconclusive = unknown("the probe was inconclusive: it was refused, or a call is under way")

type Probe = NonNullable<Probed["probe"]>

/** Probes while the breaker is closed. The failure counts for that time only: a late one changes nothing. */
const probeOnce = (probe: Probe, breaker: Probed["circuitBreaker"]): Effect.Effect<Outcome> =>
  Effect.gen(function* () {
    const startMs = yield* Monotonic.nowMs
    const admitted = breaker?.admitUnsafe(startMs)
    const exit = yield* Effect.exit(probe)
    if (Exit.isSuccess(exit)) return healthy("a probe succeeded")
    const failed = exit.cause.reasons.some((reason) => reason._tag === "Fail" && reason.error.countsAsFailure)
    if (!failed) return inconclusive
    if (typeof admitted === "object") {
      const nowMs = yield* Monotonic.nowMs
      breaker?.recordUnsafe(admitted, "failure", nowMs - startMs, nowMs)
    }
    return unhealthy("does not answer a probe")
  })

/** The probe of a peer, within its time. */
const timedProbe = ({ probe, ...peer }: Probed): Probe | undefined =>
  probe === undefined
    ? undefined
    : probeOf({
        ...peer,
        probe: Effect.timeoutOrElse(probe, {
          duration: probeTimeout,
          orElse: () => Effect.fail({ countsAsFailure: true })
        })
      })

/**
 * The check of one peer. It runs again when its breaker moves. The status page, and the breaker that decides about the
 * level, agree with it.
 */
export const peerCheck = (peer: Probed, events?: Pick<EventHub<ResilienceEvent>, "listen">): Check => ({
  name: peer.service,
  layer: "component",
  // Five probes that hang, and the pauses between them.
  timeout: "30 seconds",
  ...(events === undefined
    ? {}
    : {
        wakes: (wake) =>
          events.listen((event) => {
            if (event._tag === "BreakerTransition" && event.breaker === peer.service) wake()
          })
      }),
  run: Effect.gen(function* () {
    const { circuitBreaker } = peer
    const probe = timedProbe(peer)
    const shown = circuitBreaker === undefined ? undefined : shownByCalls(yield* circuitBreaker.state)
    if (shown !== undefined) return shown
    if (probe === undefined) return unknown("no call was made, and there is no probe")
    // Then `Probes` finds out when it recovers.
    const isOut = () => circuitBreaker !== undefined && circuitBreaker.tagUnsafe !== "Closed"
    let outcome = yield* probeOnce(probe, circuitBreaker)
    for (let tries = 1; tries < probesInARow && outcome._tag === "Unhealthy"; tries++) {
      if (isOut()) return outcome
      yield* Effect.sleep(pause)
      // A call that ended in the pause may have opened it, and no probe passes an open breaker.
      if (isOut()) return outcome
      outcome = yield* probeOnce(probe, circuitBreaker)
    }
    return outcome
  })
})
