/**
 * The share of the last hour in which a service was up, and the duration of its last recovery. Both come from the times
 * at which its breaker left `closed` and returned to it.
 *
 * For a service watched for less than an hour, the share is that of the time since then.
 */

export interface Outage {
  readonly fromMs: number
  /** Absent during the outage. */
  readonly untilMs?: number
}

export interface Record {
  readonly sinceMs: number
  /** In order. The last one may be ongoing. */
  readonly outages: ReadonlyArray<Outage>
}

export const windowMs = 3_600_000

export const watchedSince = (sinceMs: number): Record => ({ sinceMs, outages: [] })

/** The record after the service went down. Returns the same record if it is already down. */
export const down = (self: Record, nowMs: number): Record =>
  self.outages.at(-1)?.untilMs === undefined && self.outages.length > 0
    ? self
    : { ...self, outages: [...recent(self, nowMs), { fromMs: nowMs }] }

/**
 * The record after the service recovered, with the duration of the recovery. Returns the same record if it is already
 * up.
 */
export const up = (self: Record, nowMs: number): readonly [Record, recoveryMs: number | undefined] => {
  const last = self.outages.at(-1)
  if (last === undefined || last.untilMs !== undefined) return [self, undefined]
  return [{ ...self, outages: [...recent(self, nowMs).slice(0, -1), { ...last, untilMs: nowMs }] }, nowMs - last.fromMs]
}

// Outages that ended before the window do not matter, so the record stays small.
const recent = (self: Record, nowMs: number): ReadonlyArray<Outage> =>
  self.outages.filter(({ untilMs }) => untilMs === undefined || untilMs > nowMs - windowMs)

/** From 0 to 1. */
export const ratio = (self: Record, nowMs: number): number => {
  const fromMs = Math.max(self.sinceMs, nowMs - windowMs)
  const length = nowMs - fromMs
  if (length <= 0) return self.outages.at(-1)?.untilMs === undefined && self.outages.length > 0 ? 0 : 1
  const lost = self.outages.reduce(
    (sum, outage) => sum + Math.max(0, Math.min(outage.untilMs ?? nowMs, nowMs) - Math.max(outage.fromMs, fromMs)),
    0
  )
  return Math.max(0, 1 - lost / length)
}
