/**
 * Circuit breakers do what the source document says: five failures in a row open one, for 30 s nobody calls, then probes, three successes close it.
 *
 * Two accounts are held against each other: what a breaker says of itself (`BreakerMoved`) must be a walk along the edges below, in time, and what is seen at
 * the wire must agree with where it says that it is.
 *
 *     Closed ──5 failures, rate, slow──> Open ──30 s──> HalfOpen ──3 successes──> Closed
 *                                         ^───────one failure──────┘
 *
 * An operator may move a breaker anywhere. What was admitted before a breaker opened may still be on its way out of its queue, so a peer whose bulkhead was
 * full then is not judged by the wire while it is open.
 */
import type { CircuitTag, TransitionCause } from "../../resilience/ResilienceEvent.ts"
import { defaults as bulkhead } from "../../resilience/Bulkhead.ts"
import type { Call, CallEnding, Handlers } from "../Observation.ts"
import type { Checker, Invariant } from "../Invariant.ts"

const openMs = 30_000
const failuresToOpen = 5
const successesToClose = 3
const probesAtOnce = 3

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

interface Breaker {
  state: CircuitTag
  sinceMs: number
  /** Its bulkhead was full when it opened. */
  crowded: boolean
  /** At the wire since it is in this state, and when the last of them was. */
  failuresInARow: number
  failedMs: number
  successes: number
  /** Calls that began and ended in this state. */
  calls: number
  /** An operator held it closed before: what failed meanwhile counts. */
  readonly afterForced: boolean
  readonly begun: Set<Call>
}

class Breakers implements Checker {
  private readonly report: (message: string) => void
  private readonly breakers = new Map<string, Breaker>()
  private readonly inFlight = new Map<string, Set<Call>>()
  /** When all places at a peer were last taken. */
  private readonly fullMs = new Map<string, number>()
  private process = 0

  constructor(report: (message: string) => void) {
    this.report = report
  }

  readonly on: Handlers = {
    // A new process knows nothing of what the one before it had seen.
    ProcessBooted: ({ number }) => {
      this.process = number
      this.breakers.clear()
      this.inFlight.clear()
      this.fullMs.clear()
    },
    // A process that stands still may have seen a failure at the wire and not counted it yet.
    FaultBegan: ({ fault }) => {
      if (/pause|owners|storage-slow/.test(fault.kind)) for (const breaker of this.breakers.values()) breaker.failuresInARow = 0
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
    const known = this.breakers.get(name)
    if (known !== undefined) return known
    const made = this.enter("Closed", name, atMs, false)
    this.breakers.set(name, made)
    return made
  }

  private enter(state: CircuitTag, name: string, atMs: number, afterForced: boolean): Breaker {
    // The call whose failure opened it has ended already, and so may others of the same moment.
    const crowded = atMs - (this.fullMs.get(name) ?? -Infinity) <= bulkhead.maxWaitMs
    return { state, sinceMs: atMs, crowded, failuresInARow: 0, failedMs: atMs, successes: 0, calls: 0, afterForced, begun: new Set() }
  }

  private moved(name: string, from: CircuitTag, to: CircuitTag, cause: TransitionCause, atMs: number): void {
    const breaker = this.breaker(name, atMs)
    this.breakers.set(name, this.enter(to, name, atMs, from === "ForcedClosed"))
    if (breaker.state !== from) return this.report(`breaker ${name} says that it leaves ${from}, and was ${breaker.state}`)
    if (cause === "operator") return
    if (!edges.some(([legalFrom, legalTo, why]) => legalFrom === from && legalTo === to && why === cause)) {
      return this.report(`breaker ${name} goes from ${from} to ${to} by ${cause}`)
    }
    // Whatever the wall clock says.
    const forMs = atMs - breaker.sinceMs
    if (from === "Open" && forMs < openMs) this.report(`breaker ${name} was open for ${forMs} ms only`)
    if (cause === "probes-succeeded" && this.inFlight.has(name) && breaker.successes < successesToClose) {
      this.report(`breaker ${name} closed after ${breaker.successes} successes`)
    }
    if (cause === "consecutive-failures" && this.inFlight.has(name) && breaker.calls < failuresToOpen && !breaker.afterForced) {
      this.report(`breaker ${name} opened by failures in a row after ${breaker.calls} calls`)
    }
  }

  private began(call: Call, atMs: number): void {
    const breaker = this.breaker(call.peer, atMs)
    const inFlight = this.inFlight.get(call.peer) ?? new Set<Call>()
    this.inFlight.set(call.peer, inFlight)
    if (breaker.state === "Open" && !breaker.crowded) this.report(`${call.peer} is called although its breaker is open`)
    // Within one moment a failure may be on its way from the wire to the breaker.
    if (breaker.state === "Closed" && breaker.failuresInARow >= failuresToOpen && breaker.failedMs < atMs) {
      this.report(`${call.peer} is called after ${breaker.failuresInARow} failures in a row`)
    }
    inFlight.add(call)
    if (inFlight.size >= bulkhead.limit) this.fullMs.set(call.peer, atMs)
    breaker.begun.add(call)
    const probes = [...breaker.begun].filter((each) => inFlight.has(each)).length
    if (breaker.state === "HalfOpen" && probes > probesAtOnce && !breaker.crowded) this.report(`${probes} calls at once try ${call.peer}`)
  }

  private ended(call: Call, ending: CallEnding, atMs: number): void {
    this.inFlight.get(call.peer)?.delete(call)
    const breaker = this.breaker(call.peer, atMs)
    // What was admitted in an earlier state says nothing about this one.
    if (!breaker.begun.delete(call)) return
    breaker.calls++
    if (ending === "bad") {
      breaker.failuresInARow++
      breaker.failedMs = atMs
    } else breaker.failuresInARow = 0
    if (ending === "good" || ending === "neither") breaker.successes++
  }
}

export const legalTransitions: Invariant = {
  name: "legal-transitions",
  description: "Circuit breakers move along the edges of their machine only, and nobody calls where one is open.",
  make: (_setting, report) => new Breakers(report)
}
