/**
 * How fast alerts are taken up again that a low degradation level had held back. Pure.
 *
 * After an outage of the models hundreds of them may wait, and their peers have just come back. So it begins with one a
 * second, and doubles every 15 seconds, as the ramp of a tier gets from 10 % to 100 % within a minute: after 45 seconds
 * it is 8 a second. No more are taken up while a quarter of the actors' places is in use, so that those who wait never
 * stand before an alert that arrives now.
 */

/** The rate doubles after each. */
const doublesEveryMs = 15_000
const firstPauseMs = 1000
const shortestPauseMs = 125

/** The actors that may work or wait before no more is taken up: a quarter of the places that there are by default. */
export const mostActive = 64

/** Milliseconds between two of them, when the first was taken up `sinceMs` ago. */
export const pauseMs = (sinceMs: number): number =>
  Math.max(shortestPauseMs, firstPauseMs / 2 ** Math.floor(Math.max(0, sinceMs) / doublesEveryMs))

/** Whether the next one may be taken up while so many actors work or wait. */
export const mayTakeUp = (active: number): boolean => active < mostActive
