/**
 * The deadline, at the cluster: no attempt of a request to the API server begins or goes on when its 30 s are over, and none goes on for longer than the 10 s
 * that one attempt has.
 *
 * The time is measured from the request's first attempt at the wire, which comes after the deadline was set. A write that is given up ends when its
 * message has been under way, so that much more is allowed. A process that stood still lets go when it goes on: what was in flight then is left out.
 */
import type { Invariant } from "../Invariant.ts"
import type { ApiRequest } from "../Observation.ts"

const deadlineMs = 30_000
const attemptTimeoutMs = 10_000

/** Faults in which the process stands still: for their time, or for as long as one of their parameters says. */
const standsStill = /pause|owners|storage-slow/

interface InFlight {
  readonly request: ApiRequest
  readonly sinceMs: number
}

export const noRequestAfterDeadline: Invariant = {
  name: "no-request-after-deadline",
  description: "No attempt of a request to the API server takes longer than 10 s, and none begins or goes on after 30 s.",
  make: ({ scenario }, report) => {
    const underWayMs = scenario.clusterLatencyMs[1]
    const firstMs = new WeakMap<object, number>()
    const inFlight = new Map<number, InFlight>()
    let pausedUntilMs = -1
    let process = 0
    const nameOf = ({ number, work: { about, verb } }: ApiRequest): string => `request ${number} (${verb} ${about})`
    const left = (): ReadonlyArray<string> => [...inFlight.values()].map(({ request }) => `${nameOf(request)} is in flight`)
    return {
      on: {
        FaultBegan: ({ fault }, atMs) => {
          if (!standsStill.test(fault.kind)) return
          const atMost = Math.max(0, ...Object.values(fault.parameters).filter((value) => typeof value === "number"))
          pausedUntilMs = Math.max(pausedUntilMs, atMs + fault.forMs + atMost)
        },
        ProcessBooted: ({ number }) => {
          process = number
        },
        ProcessEnded: () => inFlight.clear(),
        RequestBegan: ({ request }, atMs) => {
          const first = firstMs.get(request.work) ?? atMs
          if (first === atMs) firstMs.set(request.work, atMs)
          // Another process on the same database is killed without a word.
          if (request.process === process) inFlight.set(request.number, { request, sinceMs: atMs })
          if (first > pausedUntilMs && atMs - first >= deadlineMs) report(`${nameOf(request)} began ${atMs - first - deadlineMs} ms after its deadline`)
        },
        RequestEnded: ({ request }, atMs) => {
          const sinceMs = inFlight.get(request.number)?.sinceMs
          inFlight.delete(request.number)
          const first = firstMs.get(request.work)
          if (sinceMs === undefined || first === undefined || first <= pausedUntilMs) return
          if (atMs - sinceMs > attemptTimeoutMs + underWayMs) report(`${nameOf(request)} went on for ${atMs - sinceMs} ms`)
          if (atMs - first > deadlineMs + underWayMs) report(`${nameOf(request)} went on for ${atMs - first - deadlineMs} ms after its deadline`)
        }
      },
      atEnd: () => {
        for (const what of left()) report(what)
      },
      pending: left
    }
  }
}
