/**
 * The gradual restoration of a peer that was out: it gets a growing share of the calls instead of all of them at once.
 * Pure.
 *
 *     ┌──────┐  the circuit opens   ┌─────┐  it closes: probes have passed   ┌─────────┐
 *     │ Full │ ───────────────────► │ Out │ ───────────────────────────────► │ Ramping │
 *     └──────┘ ◄───────────────────-└─────┘ ◄─────────────────────────────── └─────────┘
 *        ▲       an operator forces it closed         it opens: a relapse         │
 *        └──────────────────────────────────────────────────── the share is 100 % ┘
 *
 * The share is `max(10 %, (progress / window)^(1 / aggression))`, as in Envoy's slow start. Progress is made in steps
 * of 5 s. What the calls of a step did decides the step:
 *
 * | of the calls of the step | the share                                         |
 * | ------------------------ | ------------------------------------------------- |
 * | there were none          | grows with time                                   |
 * | fewer than 3 % failed    | grows with time                                   |
 * | 3 to 10 % failed         | stays                                             |
 * | more than 10 % failed    | is multiplied by 0.8, and is never less than 10 % |
 *
 * So a peer that gets one call a minute is restored by time alone; a step never waits for calls that do not come.
 *
 * A relapse is an opening during the ramp, or within a minute of each earlier relapse after it. The circuit then stays
 * open for 30 s times the relapses in a row, for at most 300 s.
 *
 * Who is in the share is counted, not drawn: each call adds the share to a credit, and a credit of 1 admits one. The
 * first call is in.
 */

/** The numbers of a ramp. All durations in milliseconds. */
export interface RampSettings {
  /** How long a ramp takes without failures. Default 60 s. */
  readonly windowMs: number
  /** Above 1 the share grows faster at first, below 1 more slowly. Default 1: in a straight line. */
  readonly aggression: number
  /** The smallest share. Default 0.1. */
  readonly leastShare: number
  /** The length of a step. Default 5 s. */
  readonly stepMs: number
  /** How long the circuit stays open after the first relapse. Default 30 s. */
  readonly openMs: number
  /** The longest time that it stays open. Default 300 s. */
  readonly longestOpenMs: number
  /** How long the peer has to be in full use until one relapse is forgotten. Default 60 s. */
  readonly forgetMs: number
}

export const defaults: RampSettings = {
  windowMs: 60_000,
  aggression: 1,
  leastShare: 0.1,
  stepMs: 5000,
  openMs: 30_000,
  longestOpenMs: 300_000,
  forgetMs: 60_000
}

/** All calls go to the peer. */
export interface Full {
  readonly _tag: "Full"
  readonly relapses: number
  /** When the next relapse is forgotten; `Infinity` without one. */
  readonly untilMs: number
}

/** The circuit is not closed. How long that lasts is the circuit's business. */
export interface Out {
  readonly _tag: "Out"
  /** When the peer first failed; relapses do not change it. */
  readonly sinceMs: number
  readonly relapses: number
}

/** The peer gets a share. */
export interface Ramping {
  readonly _tag: "Ramping"
  readonly sinceMs: number
  readonly relapses: number
  readonly progressMs: number
  /** The end of the step. */
  readonly untilMs: number
  /** The calls of the step. */
  readonly calls: number
  readonly failures: number
  readonly credit: number
}

/** The state of a restoration. Every moment is one of the monotonic clock (`Monotonic`). */
export type Ramp = Full | Out | Ramping

export const initial: Ramp = { _tag: "Full", relapses: 0, untilMs: Infinity }

const mostFailures = 0.1
const fewFailures = 0.03
const fallsTo = 0.8
/** Sums of shares are not exact. */
const tolerance = 1e-9

const shareAt = (progressMs: number, { aggression, leastShare, windowMs }: RampSettings): number =>
  Math.min(1, Math.max(leastShare, (progressMs / windowMs) ** (1 / aggression)))

const progressOf = (share: number, { aggression, windowMs }: RampSettings): number => share ** aggression * windowMs

const full = (relapses: number, nowMs: number, { forgetMs }: RampSettings): Full => ({
  _tag: "Full",
  relapses,
  untilMs: relapses === 0 ? Infinity : nowMs + forgetMs
})

/** The share of calls that the peer gets: 0 while it is out. */
export const shareOf = (ramp: Ramp, settings: RampSettings = defaults): number => {
  switch (ramp._tag) {
    case "Full":
      return 1
    case "Out":
      return 0
    case "Ramping":
      return shareAt(ramp.progressMs, settings)
  }
}

/** The moment at which the state changes by itself; `Infinity` if it does not. */
export const deadlineOf = (ramp: Ramp): number => (ramp._tag === "Out" ? Infinity : ramp.untilMs)

/** How long the circuit is to stay open the next time that it opens, in milliseconds. */
export const nextOpenMs = (ramp: Ramp, { longestOpenMs, openMs }: RampSettings = defaults): number =>
  Math.min(longestOpenMs, openMs * Math.max(1, ramp._tag === "Ramping" ? ramp.relapses + 1 : ramp.relapses))

/** The state after one step: the calls in it decide. */
const stepped = (ramp: Ramping, settings: RampSettings): Ramp => {
  const { calls, failures, progressMs, untilMs } = ramp
  const failed = calls === 0 ? 0 : failures / calls
  const progress =
    failed > mostFailures
      ? Math.min(progressMs, progressOf(Math.max(settings.leastShare, shareOf(ramp, settings) * fallsTo), settings))
      : failed >= fewFailures
        ? progressMs
        : progressMs + settings.stepMs
  return progress >= settings.windowMs
    ? full(ramp.relapses, untilMs, settings)
    : { ...ramp, progressMs: progress, untilMs: untilMs + settings.stepMs, calls: 0, failures: 0 }
}

/** The state at a moment: every step that has ended is taken. */
export const at = (ramp: Ramp, nowMs: number, settings: RampSettings = defaults): Ramp => {
  let found = ramp
  while (deadlineOf(found) <= nowMs) {
    if (found._tag === "Ramping") found = stepped(found, settings)
    else if (found._tag === "Full") found = full(found.relapses - 1, found.untilMs, settings)
  }
  return found
}

/** The circuit has opened, or an operator has isolated the peer. */
export const opened = (ramp: Ramp, nowMs: number, settings: RampSettings = defaults): Ramp => {
  const now = at(ramp, nowMs, settings)
  switch (now._tag) {
    case "Out":
      return now
    case "Ramping":
      return { _tag: "Out", sinceMs: now.sinceMs, relapses: now.relapses + 1 }
    case "Full":
      return { _tag: "Out", sinceMs: nowMs, relapses: now.relapses === 0 ? 0 : now.relapses + 1 }
  }
}

const ramping = (
  { relapses, sinceMs }: Pick<Ramping, "relapses" | "sinceMs">,
  nowMs: number,
  { leastShare, stepMs }: RampSettings
): Ramping => ({
  _tag: "Ramping",
  sinceMs,
  relapses,
  progressMs: 0,
  untilMs: nowMs + stepMs,
  calls: 0,
  failures: 0,
  // So that the first call is in.
  credit: 1 - leastShare
})

/** The circuit has closed, because probes have passed. */
export const closed = (ramp: Ramp, nowMs: number, settings: RampSettings = defaults): Ramp =>
  ramp._tag === "Out" ? ramping(ramp, nowMs, settings) : at(ramp, nowMs, settings)

/** The ramp begins again: the peer got no calls in it, because somebody else has kept them from it. */
export const begun = (ramp: Ramp, nowMs: number, settings: RampSettings = defaults): Ramp =>
  ramp._tag === "Ramping" ? { ...ramping(ramp, nowMs, settings), credit: ramp.credit } : ramp

/** An operator has forced the circuit closed: all calls go to the peer. */
export const forced = (ramp: Ramp, nowMs: number, settings: RampSettings = defaults): Ramp =>
  ramp._tag === "Full" ? at(ramp, nowMs, settings) : full(ramp.relapses, nowMs, settings)

/** Whether the next call is in the share, and the state after that. While the peer is out, its circuit decides. */
export const take = (ramp: Ramp, nowMs: number, settings: RampSettings = defaults): readonly [Ramp, boolean] => {
  const now = at(ramp, nowMs, settings)
  if (now._tag !== "Ramping") return [now, true]
  const credit = now.credit + shareOf(now, settings)
  return credit >= 1 - tolerance ? [{ ...now, credit: Math.max(0, credit - 1) }, true] : [{ ...now, credit }, false]
}

/** The state after a call of the share has ended. */
export const record = (ramp: Ramp, failed: boolean, nowMs: number, settings: RampSettings = defaults): Ramp => {
  const now = at(ramp, nowMs, settings)
  return now._tag === "Ramping" ? { ...now, calls: now.calls + 1, failures: now.failures + (failed ? 1 : 0) } : now
}
