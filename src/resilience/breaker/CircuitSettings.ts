/** The settings of a circuit breaker: their meaning, defaults and validation. */

import { Duration } from "effect"

/** When a circuit opens and closes. Each setting has a default. */
export interface Settings {
  /** Consecutive failures that open the circuit, 1 or more. Default 5. */
  readonly consecutiveFailures?: number
  /** The minimum number of requests in the window before a rate can open the circuit, 1 or more. Default 10. */
  readonly minimumRequests?: number
  /** The ratio of failed requests in the window that opens the circuit; above 0, up to 1. Default 0.5. */
  readonly failureRate?: number
  /** The length of the rolling window. Default 60 s. */
  readonly window?: Duration.Input
  /** How long the circuit stays open before it admits probes. Default 30 s. */
  readonly openDuration?: Duration.Input
  /** Consecutive successes that close a half-open circuit, 1 or more. Default 3. */
  readonly successesToClose?: number
  /** The maximum number of concurrent probes, 1 or more. Default 3, because three successes close the circuit. */
  readonly halfOpenPermits?: number
  /** How long a probe can hold its permit. Default 60 s; choose more than the longest attempt takes. */
  readonly probeLease?: Duration.Input
  /** How long the circuit is suspended for the first time, see `Suspension`. Default 1 min. */
  readonly suspension?: Duration.Input
  /** The longest time that it is suspended, unless the peer says more. Default 1 h. */
  readonly longestSuspension?: Duration.Input
  /** A call that takes this long or longer is slow. Default: no call is slow. Requires `slowCallRate`. */
  readonly slowCallDuration?: Duration.Input
  /**
   * The ratio of slow requests in the window that opens the circuit; above 0, up to 1. Default: none. When it is set, a
   * slow probe counts as a failure.
   */
  readonly slowCallRate?: number
}

/** The settings with every default filled in, durations in milliseconds. */
export interface Resolved {
  readonly consecutiveFailures: number
  readonly minimumRequests: number
  readonly failureRate: number
  readonly windowMs: number
  readonly openMs: number
  readonly successesToClose: number
  readonly halfOpenPermits: number
  readonly probeLeaseMs: number
  readonly suspensionMs: number
  readonly longestSuspensionMs: number
  readonly slowCallMs: number
  readonly slowCallRate: number
}

export const defaults: Resolved = {
  consecutiveFailures: 5,
  minimumRequests: 10,
  failureRate: 0.5,
  windowMs: 60_000,
  openMs: 30_000,
  successesToClose: 3,
  halfOpenPermits: 3,
  probeLeaseMs: 60_000,
  suspensionMs: 60_000,
  longestSuspensionMs: 3_600_000,
  // Infinity: no call is ever slow.
  slowCallMs: Number.POSITIVE_INFINITY,
  slowCallRate: Number.POSITIVE_INFINITY
}

const millis = (input: Duration.Input | undefined, otherwise: number): number =>
  input === undefined ? otherwise : Duration.toMillis(Duration.fromInputUnsafe(input))

const refuse = (name: string, rule: string, value: number): never => {
  throw new RangeError(`CircuitBreaker: ${name} must be ${rule}, got ${value}`)
}

const isRate = (value: number): boolean => value > 0 && value <= 1

/** Fills in the values of `base`. Throws a `RangeError` that names an invalid setting. */
export const resolve = (settings: Settings = {}, base: Resolved = defaults): Resolved => {
  const resolved: Resolved = {
    consecutiveFailures: settings.consecutiveFailures ?? base.consecutiveFailures,
    minimumRequests: settings.minimumRequests ?? base.minimumRequests,
    failureRate: settings.failureRate ?? base.failureRate,
    windowMs: millis(settings.window, base.windowMs),
    openMs: millis(settings.openDuration, base.openMs),
    successesToClose: settings.successesToClose ?? base.successesToClose,
    halfOpenPermits: settings.halfOpenPermits ?? base.halfOpenPermits,
    probeLeaseMs: millis(settings.probeLease, base.probeLeaseMs),
    suspensionMs: millis(settings.suspension, base.suspensionMs),
    longestSuspensionMs: millis(settings.longestSuspension, base.longestSuspensionMs),
    slowCallMs: millis(settings.slowCallDuration, base.slowCallMs),
    slowCallRate: settings.slowCallRate ?? base.slowCallRate
  }
  for (const name of ["consecutiveFailures", "minimumRequests", "successesToClose", "halfOpenPermits"] as const) {
    if (!Number.isInteger(resolved[name]) || resolved[name] < 1)
      refuse(name, "a whole number of 1 or more", resolved[name])
  }
  for (const name of ["windowMs", "openMs", "probeLeaseMs", "suspensionMs", "longestSuspensionMs"] as const) {
    if (!(resolved[name] > 0 && Number.isFinite(resolved[name]))) refuse(name, "above 0 and finite", resolved[name])
  }
  if (!isRate(resolved.failureRate)) refuse("failureRate", "above 0 and up to 1", resolved.failureRate)
  if (settings.slowCallRate !== undefined && !isRate(settings.slowCallRate))
    refuse("slowCallRate", "above 0 and up to 1", settings.slowCallRate)
  return resolved
}
