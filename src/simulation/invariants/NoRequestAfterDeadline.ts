/**
 * Deadlines of requests to the API server: no attempt begins or continues after the request's 30 s, and no attempt
 * takes longer than its 10 s.
 *
 * The time is measured from the request's first attempt at the wire, which comes after the deadline was set. An
 * interrupted write ends only after the latency of its message, so that much more is allowed. A process that is paused
 * at the deadline gives up when it resumes, and then sends what it was about to send.
 */

import type { ApiRequest } from "../observation/Observation.ts"
import { Standstill } from "../observation/Standstill.ts"
import type { Invariant } from "./Invariant.ts"

const deadlineMs = 30_000
const attemptTimeoutMs = 10_000

/** The limit after which a request must have ended, with the allowance for its latency. */
class Limit {
  private dueMs: number
  private readonly underWayMs: number
  private overMs: number

  constructor(dueMs: number, underWayMs: number) {
    this.dueMs = dueMs
    this.underWayMs = underWayMs
    this.overMs = dueMs + underWayMs
  }

  paused(atMs: number, forMs: number): void {
    const goesOnMs = atMs + forMs
    if (atMs <= this.dueMs && this.dueMs <= goesOnMs) {
      this.dueMs = goesOnMs
      this.overMs = goesOnMs + this.underWayMs
    } else if (this.dueMs < atMs && atMs <= this.overMs) this.overMs = Math.max(this.overMs, goesOnMs)
  }

  isExceeded(atMs: number): boolean {
    return atMs > this.overMs
  }
}

interface InFlight {
  readonly request: ApiRequest
  readonly sinceMs: number
  readonly attempt: Limit
  readonly whole: Limit
}

export const noRequestAfterDeadline: Invariant = {
  name: "no-request-after-deadline",
  description:
    "No attempt of a request to the API server takes longer than 10 s, and none begins or continues after 30 s.",
  make: ({ scenario }, report) => {
    const underWayMs = scenario.clusterLatencyMs[1]
    const firstMs = new WeakMap<object, number>()
    const inFlight = new Map<number, InFlight>()
    const standstill = new Standstill()
    let process: number | undefined = 0
    const nameOf = ({ number, work: { about, verb } }: ApiRequest): string => `request ${number} (${verb} ${about})`
    const left = (): ReadonlyArray<string> =>
      [...inFlight.values()].map(({ request }) => `${nameOf(request)} is in flight`)
    return {
      on: {
        ProcessBooted: ({ number }) => {
          process = number
          standstill.booted()
        },
        ProcessPaused: ({ forMs, number }, atMs) => {
          if (number !== process) return
          standstill.paused(atMs, forMs)
          for (const { attempt, whole } of inFlight.values())
            for (const limit of [attempt, whole]) limit.paused(atMs, forMs)
        },
        ProcessEnded: () => {
          // What it still does in the step in which it ends goes nowhere.
          process = undefined
          inFlight.clear()
        },
        RequestBegan: ({ request }, atMs) => {
          const first = firstMs.get(request.work) ?? atMs
          if (first === atMs) firstMs.set(request.work, atMs)
          // The end of another process on the same database is not observed.
          if (request.process === process) {
            const limits = [
              new Limit(atMs + attemptTimeoutMs, underWayMs),
              new Limit(first + deadlineMs, underWayMs)
            ] as const
            // What it still does in the moment in which it is paused.
            for (const limit of limits) limit.paused(atMs, standstill.resumesAt(atMs) - atMs)
            inFlight.set(request.number, { request, sinceMs: atMs, attempt: limits[0], whole: limits[1] })
          }
          const lastRanMs = request.process === process ? standstill.since(atMs) : atMs
          if (lastRanMs - first >= deadlineMs)
            report(`${nameOf(request)} began ${atMs - first - deadlineMs} ms after its deadline`)
        },
        RequestEnded: ({ request }, atMs) => {
          const ended = inFlight.get(request.number)
          inFlight.delete(request.number)
          if (ended === undefined) return
          if (ended.attempt.isExceeded(atMs)) report(`${nameOf(request)} continued for ${atMs - ended.sinceMs} ms`)
          if (ended.whole.isExceeded(atMs))
            report(
              `${nameOf(request)} continued for ${atMs - firstMs.get(request.work)! - deadlineMs} ms after its deadline`
            )
        }
      },
      atEnd: () => {
        for (const what of left()) report(what)
      },
      pending: left
    }
  }
}
