/**
 * Circuit breakers behave as required (`docs/requirements.md`, Circuit breaker): five failures in a row open a breaker,
 * it rejects calls for 30 s, then admits probes, and three successes close it.
 *
 * Two views are compared: the transitions that a breaker reports (`BreakerMoved`) must follow the edges below, in time,
 * and the calls at the wire must agree with the state that it reports.
 *
 *     Closed ──5 failures, rate, slow──> Open ──30 s──> HalfOpen ──3 successes──> Closed
 *                                         ^───────one failure──────┘
 *
 * A breaker is suspended by one call and left by one call, the trial; see `SuspensionsRespected`.
 *
 * While a breaker is closed, the probes of health checks may count when they fail, and not otherwise.
 *
 * An operator may move a breaker to any state. An attempt may make several calls (a prompt that is too long is retried
 * with less content): all belong to the state in which the first was admitted. A response that is `neither` may count
 * for the peer, against it or not at all, so it is interpreted in the service's favour. So is an interrupted call,
 * which is a failure if its time was over.
 */

import type { CircuitTag, TransitionCause } from "../../resilience/ResilienceEvent.ts"
import type { Call, CallEnding, Handlers } from "../observation/Observation.ts"
import { Standstill } from "../observation/Standstill.ts"
import type { Checker, Invariant } from "./Invariant.ts"

const openMs = 30_000
const failuresToOpen = 5
const successesToClose = 3
const probesAtOnce = 3
/** Calls of no use that have held permits for so long together, while others were rejected, let all calls in. */
const longestHoldMs = 10_000 * probesAtOnce
const requestsToJudge = 10
const windowMs = 60_000
/** How long a probe holds its permit; it may take longer only where the process was paused. */
const probeLeaseMs = 60_000

const edges: ReadonlyArray<readonly [from: CircuitTag, to: CircuitTag, cause: TransitionCause]> = [
  ["Closed", "Open", "consecutive-failures"],
  ["Closed", "Open", "failure-rate"],
  ["Closed", "Open", "slow-calls"],
  ["Open", "HalfOpen", "elapsed"],
  ["HalfOpen", "Open", "probe-failed"],
  ["HalfOpen", "Closed", "probes-succeeded"],
  ["Isolated", "HalfOpen", "elapsed"],
  ["ForcedClosed", "Closed", "elapsed"],
  ["Closed", "Open", "tripped"],
  ["HalfOpen", "Open", "tripped"],
  ["Closed", "Suspended", "suspended"],
  ["Open", "Suspended", "suspended"],
  ["HalfOpen", "Suspended", "suspended"],
  ["Suspended", "Suspended", "suspended"],
  ["Suspended", "Suspended", "trial-failed"],
  ["Suspended", "Closed", "trial-succeeded"],
  ["Suspended", "HalfOpen", "trial-succeeded"]
]

/** A completed call. */
interface Ended {
  readonly atMs: number
  readonly ending: CallEnding
}

/** The calls that began in one state of a breaker, as observed at the wire. */
interface Breaker {
  readonly state: CircuitTag
  readonly sinceMs: number
  /** An operator had forced it closed: failures of that time count. */
  readonly afterForced: boolean
  /** Certain failures in a row, and when the last was. */
  failuresInARow: number
  failedMs: number
  successes: number
  /** For how long calls that did not fail for certain were in flight, all of them together. */
  heldMs: number
  /** The calls of the last minute, and at least the last five. */
  ended: Array<Ended>
  /** The calls in flight, and since when. */
  readonly begun: Map<Call, number>
}

const mayHaveBeenOfNoUse = (ending: CallEnding): boolean => ending === "good" || ending === "neither"

const mayHaveFailed = ({ ending }: Ended): boolean => ending !== "good"

class Breakers implements Checker {
  private readonly report: (message: string) => void
  private readonly breakers = new Map<string, Breaker>()
  /** Peers whose calls are observed at the wire. Those to the cluster are not. */
  private readonly seen = new Set<string>()
  /**
   * The breaker's state in which each call in flight was admitted. The outcome of a call from an earlier state does not
   * count.
   */
  private readonly inFlight = new Map<Call, Breaker>()
  /** The hops whose last call had too long a prompt, and which may call again. */
  private readonly asksAgain = new WeakMap<
    object,
    { readonly peer: string; readonly breaker: Breaker; readonly ended: Ended }
  >()
  /** The peers of which a call was of no use, in whatever state of their breakers. */
  private readonly useless = new Set<string>()
  private readonly standstill = new Standstill()
  private process = 0

  constructor(report: (message: string) => void) {
    this.report = report
  }

  readonly on: Handlers = {
    // A new process has new breakers.
    ProcessBooted: ({ number }) => {
      this.process = number
      this.breakers.clear()
      this.seen.clear()
      this.inFlight.clear()
      this.useless.clear()
      this.standstill.booted()
    },
    ProcessPaused: ({ forMs, number }, atMs) => {
      if (number === this.process) this.standstill.paused(atMs, forMs)
    },
    BreakerMoved: ({ breaker, cause, from, to }, atMs) => this.moved(breaker, from, to, cause, atMs),
    // A second process on the same database has its own breakers, which are not observed.
    CallBegan: ({ call }, atMs) => {
      if (call.process === this.process) this.began(call, atMs)
    },
    CallEnded: ({ call, ending }, atMs) => {
      if (call.process === this.process) this.ended(call, ending, atMs)
    }
  }

  private breaker(name: string, atMs: number): Breaker {
    return this.breakers.get(name) ?? this.enter("Closed", name, atMs, false)
  }

  private enter(state: CircuitTag, name: string, atMs: number, afterForced: boolean): Breaker {
    const entered: Breaker = {
      state,
      sinceMs: atMs,
      afterForced,
      failuresInARow: 0,
      failedMs: atMs,
      successes: 0,
      heldMs: 0,
      ended: [],
      begun: new Map()
    }
    this.breakers.set(name, entered)
    return entered
  }

  private moved(name: string, from: CircuitTag, to: CircuitTag, cause: TransitionCause, atMs: number): void {
    const breaker = this.breaker(name, atMs)
    this.enter(to, name, atMs, from === "ForcedClosed")
    if (breaker.state !== from)
      return this.report(`breaker ${name} says that it leaves ${from}, and was ${breaker.state}`)
    if (cause === "operator") return
    if (!edges.some(([legalFrom, legalTo, why]) => legalFrom === from && legalTo === to && why === cause)) {
      return this.report(`breaker ${name} goes from ${from} to ${to} by ${cause}`)
    }
    // By the monotonic clock.
    const forMs = atMs - breaker.sinceMs
    // A call from before may still show that the account is suspended.
    if (from === "Open" && to !== "Suspended" && forMs < openMs)
      this.report(`breaker ${name} was open for ${forMs} ms only`)
    if (this.seen.has(name)) this.justified(name, breaker, cause, atMs)
  }

  /** Whether the calls at the wire justify the transition. */
  private justified(
    name: string,
    { afterForced, ended, successes }: Breaker,
    cause: TransitionCause,
    atMs: number
  ): void {
    if (cause === "probes-succeeded" && successes < successesToClose)
      this.report(`breaker ${name} closed after ${successes} successes`)
    if (cause === "tripped" && !this.useless.has(name))
      this.report(`breaker ${name} was tripped, and no call was of no use`)
    // The time of a call may have been over before its request was sent. After five of those in a row the next one counts.
    if (this.standstill.since(atMs) !== atMs) return
    if (cause === "probe-failed" && !ended.some(mayHaveFailed))
      this.report(`breaker ${name} opened again, and no probe had failed`)
    if (afterForced) return
    // A success of the same moment may have counted after it was observed.
    const lastSuccess = ended.findLastIndex((each) => !mayHaveFailed(each) && this.standstill.isLate(each.atMs, atMs))
    const inARow = ended.filter((each, index) => index > lastSuccess && mayHaveFailed(each)).length
    if (cause === "consecutive-failures" && inARow < failuresToOpen)
      this.report(`breaker ${name} opened by failures in a row after ${inARow}`)
    if (cause !== "failure-rate") return
    const recent = ended.filter((each) => atMs - each.atMs <= windowMs)
    const failed = recent.filter(mayHaveFailed).length
    if (recent.length < requestsToJudge || failed * 2 < requestsToJudge)
      this.report(`breaker ${name} opened by ${failed} failures of ${recent.length} calls`)
  }

  private began(call: Call, atMs: number): void {
    this.seen.add(call.peer)
    if (this.resumesAt(call, atMs)) return
    const breaker = this.breaker(call.peer, atMs)
    const isShut = breaker.state === "Open" || breaker.state === "Isolated"
    // A health check that has found the circuit closed in this moment is on its way. It carries no work. So is a call
    // of a process that resumes, if the circuit has opened since its pause began.
    const mayBeOnItsWay = call.purpose === "probe" || this.standstill.since(atMs) !== atMs
    const isOnItsWay = mayBeOnItsWay && !this.standstill.isLate(breaker.sinceMs, atMs)
    if (isShut && !isOnItsWay) this.report(`${call.peer} is called although its breaker is open`)
    // The breaker learns of a failure slightly later than the wire.
    if (
      breaker.state === "Closed"
      && breaker.failuresInARow >= failuresToOpen
      && this.standstill.isLate(breaker.failedMs, atMs)
    ) {
      this.report(`${call.peer} is called after ${breaker.failuresInARow} failures in a row`)
    }
    this.letThrough(call, breaker, atMs)
    if (breaker.state !== "HalfOpen" && breaker.state !== "Suspended") return
    if (breaker.state === "HalfOpen" && breaker.heldMs >= longestHoldMs) return
    const atOnce = breaker.state === "Suspended" ? 1 : probesAtOnce
    const probes = [...breaker.begun.values()].filter((sinceMs) => atMs - sinceMs < probeLeaseMs).length
    if (probes > atOnce) this.report(`${probes} calls at once try ${call.peer}`)
  }

  /** Whether it is a further call of an admitted attempt. */
  private resumesAt(call: Call, atMs: number): boolean {
    const before = call.hop === undefined ? undefined : this.asksAgain.get(call.hop)
    if (before === undefined || before.peer !== call.peer || this.standstill.isLate(before.ended.atMs, atMs))
      return false
    const { breaker, ended } = before
    // So the attempt had not completed.
    breaker.ended = breaker.ended.filter((each) => each !== ended)
    breaker.successes--
    this.letThrough(call, breaker, atMs)
    return true
  }

  private letThrough(call: Call, breaker: Breaker, atMs: number): void {
    breaker.begun.set(call, atMs)
    this.inFlight.set(call, breaker)
  }

  private ended(call: Call, ending: CallEnding, atMs: number): void {
    if (call.purpose === "work" && ending !== "good") this.useless.add(call.peer)
    const breaker = this.inFlight.get(call)
    if (breaker === undefined) return
    this.inFlight.delete(call)
    if (mayHaveBeenOfNoUse(ending)) breaker.heldMs += atMs - (breaker.begun.get(call) ?? atMs)
    breaker.begun.delete(call)
    // A health route that answers must not hide the failures of real calls, so only its failures count.
    if (call.purpose === "probe" && breaker.state === "Closed" && (ending === "good" || ending === "neither")) return
    if (breaker.ended.length > failuresToOpen && atMs - breaker.ended[0]!.atMs > windowMs) {
      breaker.ended = breaker.ended.filter(
        (each, index, all) => index >= all.length - failuresToOpen || atMs - each.atMs <= windowMs
      )
    }
    const ended = { atMs, ending }
    breaker.ended.push(ended)
    if (ending === "neither" && call.hop !== undefined)
      this.asksAgain.set(call.hop, { peer: call.peer, breaker, ended })
    if (mayHaveBeenOfNoUse(ending)) {
      breaker.failuresInARow = 0
      breaker.successes++
    } else if (
      ending === "bad"
      && !(call.purpose === "probe" && breaker.state === "Closed")
      && this.standstill.since(atMs) === atMs
    ) {
      // A probe that was refused, or that failed beside a call, does not count. Nor does a time limit that ended while
      // the process stood still.
      breaker.failuresInARow++
      breaker.failedMs = atMs
    }
  }
}

export const legalTransitions: Invariant = {
  name: "legal-transitions",
  description: "Circuit breakers follow the edges of their state machine, and no call passes an open one.",
  make: (_setting, report) => new Breakers(report)
}
