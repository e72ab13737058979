/**
 * The `Retry-After` header (RFC 9110, 10.2.3) as a duration in milliseconds: a number of seconds, or an HTTP date in
 * any of its three forms.
 *
 * A date counts from the response's own `Date` header, so that a clock of the peer that differs from ours does not
 * matter. Without one it counts from `nowMs`, the wall clock. A date in the past means now.
 *
 * Any other value, an empty one included, gives `undefined`, and the retry policy decides the delay.
 */

const weekday = /^\s*(?:mon|tue|wed|thu|fri|sat|sun)/i
/** The form of `asctime` names no zone, and means GMT. */
const zone = /\b(?:gmt|utc)\s*$/i

const dateMs = (text: string | null | undefined): number | undefined => {
  if (text === null || text === undefined || !weekday.test(text)) return undefined
  const millis = Date.parse(zone.test(text) ? text : `${text} GMT`)
  return Number.isFinite(millis) ? millis : undefined
}

/** The moment from which a date counts. */
export interface Received {
  /** The `Date` header of the same response. */
  readonly date?: string | null | undefined
  /** The wall clock. Absent: a date without a `Date` header is not read. */
  readonly nowMs?: number | undefined
}

export const retryAfterMs = (
  retryAfter: string | null | undefined,
  { date, nowMs }: Received = {}
): number | undefined => {
  if (retryAfter === null || retryAfter === undefined) return undefined
  if (/^\s*\d+(\.\d+)?\s*$/.test(retryAfter)) return Number(retryAfter) * 1000
  const [until, from] = [dateMs(retryAfter), dateMs(date) ?? nowMs]
  return until === undefined || from === undefined ? undefined : Math.max(0, until - from)
}
