/**
 * Circuit breakers do what the source document says: five failures in a row open one, for 30 s nobody calls, then
 * probes, three successes close it.
 *
 * Two accounts are held against each other: what a breaker says of itself (`BreakerMoved`) must be a walk along the
 * edges below, in time, and what is seen at the wire must agree with where it says that it is.
 *
 *     Closed ──5 failures, rate, slow──> Open ──30 s──> HalfOpen ──3 successes──> Closed
 *                                         ^───────one failure──────┘
 *
 * An operator may move a breaker anywhere. An attempt may take several calls (a prompt that is too long is asked again
 * with less in it): they belong to the state in which the first of them was let through. An answer that is `neither`
 * may count for the peer, against it or not at all: it is taken for whatever makes the service right, and so is a call
 * that was given up, which is a failure where its time was over.
 */

import type { CircuitTag, TransitionCause } from "../../resilience/ResilienceEvent.ts"
import type { Call, CallEnding, Handlers } from "../observation/Observation.ts"
import { Standstill } from "../observation/Standstill.ts"
import type { Checker, Invariant } from "./Invariant.ts"

const openMs = 30_000
const failuresToOpen = 5
const successesToClose = 3
const probesAtOnce = 3
const requestsToJudge = 10
const windowMs = 60_000
/** For so long a probe holds its place; it may go on for longer only where the process stood still. */
const probeLeaseMs = 60_000

const edges: ReadonlyArray<readonly [from: CircuitTag, to: CircuitTag, cause: TransitionCause]> = [
  ["Closed", "Open", "consecutive-failures"],
  ["Closed", "Open", "failure-rate"],
  ["Closed", "Open", "slow-calls"],
  ["Open", "HalfOpen", "elapsed"],
  ["HalfOpen", "Open", "probe-failed"],
  ["HalfOpen", "Closed", "probes-succeeded"],
  ["Isolated", "HalfOpen", "elapsed"],
  ["ForcedClosed", "Closed", "elapsed"]
]

/** A call that has ended. */
interface Ended {
  readonly atMs: number
  readonly ending: CallEnding
}

/** What began in one state of a breaker, by the wire. */
interface Breaker {
  readonly state: CircuitTag
  readonly sinceMs: number
  /** An operator held it closed before: what failed meanwhile counts. */
  readonly afterForced: boolean
  /** Certain failures without anything else between them, and when the last was. */
  failuresInARow: number
  failedMs: number
  successes: number
  /** Those of the last minute, and the last five at least. */
  ended: Array<Ended>
  /** In flight, since when. */
  readonly begun: Map<Call, number>
}

const mayHaveFailed = ({ ending }: Ended): boolean => ending !== "good"

class Breakers implements Checker {
  private readonly report: (message: string) => void
  private readonly breakers = new Map<string, Breaker>()
  /** Peers whose calls are seen at the wire. The cluster's are not. */
  private readonly seen = new Set<string>()
  /**
   * In which state of its breaker each call was let through that is in flight. One of a state that is over changes
   * nothing.
   */
  private readonly inFlight = new Map<Call, Breaker>()
  /** Of each hop whose last call found that it was asked for too much: what it may ask again. */
  private readonly asksAgain = new WeakMap<
    object,
    { readonly peer: string; readonly breaker: Breaker; readonly ended: Ended }
  >()
  private readonly standstill = new Standstill()
  private process = 0

  constructor(report: (message: string) => void) {
    this.report = report
  }

  readonly on: Handlers = {
    // A new process knows nothing of what the one before it had seen.
    ProcessBooted: ({ number }) => {
      this.process = number
      this.breakers.clear()
      this.seen.clear()
      this.inFlight.clear()
      this.standstill.booted()
    },
    ProcessPaused: ({ forMs, number }, atMs) => {
      if (number === this.process) this.standstill.paused(atMs, forMs)
    },
    BreakerMoved: ({ breaker, cause, from, to }, atMs) => this.moved(breaker, from, to, cause, atMs),
    // A second process on the same database has breakers of its own, which nobody hears of.
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
    // Whatever the wall clock says.
    const forMs = atMs - breaker.sinceMs
    if (from === "Open" && forMs < openMs) this.report(`breaker ${name} was open for ${forMs} ms only`)
    if (this.seen.has(name)) this.justified(name, breaker, cause, atMs)
  }

  /** Whether what was seen at the wire can have moved it so. */
  private justified(
    name: string,
    { afterForced, ended, successes }: Breaker,
    cause: TransitionCause,
    atMs: number
  ): void {
    if (cause === "probes-succeeded" && successes < successesToClose)
      this.report(`breaker ${name} closed after ${successes} successes`)
    if (cause === "probe-failed" && !ended.some(mayHaveFailed))
      this.report(`breaker ${name} opened again, and no probe had failed`)
    if (afterForced) return
    // A success of this very moment may have counted later than it was seen.
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
    if (this.goesOn(call, atMs)) return
    const breaker = this.breaker(call.peer, atMs)
    if (breaker.state === "Open" || breaker.state === "Isolated")
      this.report(`${call.peer} is called although its breaker is open`)
    // The failure has to come from the wire to the breaker.
    if (
      breaker.state === "Closed"
      && breaker.failuresInARow >= failuresToOpen
      && this.standstill.isLate(breaker.failedMs, atMs)
    ) {
      this.report(`${call.peer} is called after ${breaker.failuresInARow} failures in a row`)
    }
    this.letThrough(call, breaker, atMs)
    if (breaker.state !== "HalfOpen") return
    const probes = [...breaker.begun.values()].filter((sinceMs) => atMs - sinceMs < probeLeaseMs).length
    if (probes > probesAtOnce) this.report(`${probes} calls at once try ${call.peer}`)
  }

  /** Whether it is one more call of an attempt that was let through before. */
  private goesOn(call: Call, atMs: number): boolean {
    const before = call.hop === undefined ? undefined : this.asksAgain.get(call.hop)
    if (before === undefined || before.peer !== call.peer || this.standstill.isLate(before.ended.atMs, atMs))
      return false
    const { breaker, ended } = before
    // So the attempt had not come to its end.
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
    const breaker = this.inFlight.get(call)
    if (breaker === undefined) return
    this.inFlight.delete(call)
    breaker.begun.delete(call)
    if (breaker.ended.length > failuresToOpen && atMs - breaker.ended[0]!.atMs > windowMs) {
      breaker.ended = breaker.ended.filter(
        (each, index, all) => index >= all.length - failuresToOpen || atMs - each.atMs <= windowMs
      )
    }
    const ended = { atMs, ending }
    breaker.ended.push(ended)
    if (ending === "neither" && call.hop !== undefined)
      this.asksAgain.set(call.hop, { peer: call.peer, breaker, ended })
    if (ending === "good" || ending === "neither") {
      breaker.failuresInARow = 0
      breaker.successes++
    } else if (ending === "bad") {
      breaker.failuresInARow++
      breaker.failedMs = atMs
    }
  }
}

export const legalTransitions: Invariant = {
  name: "legal-transitions",
  description: "Circuit breakers move along the edges of their machine only, and nobody calls where one is open.",
  make: (_setting, report) => new Breakers(report)
}
