/**
 * Nobody goes on asking when nobody waits for the answer any more: no attempt of a hop begins, and none is in flight, after the hop's deadline.
 *
 * The time is measured from the hop's first attempt at the wire, which comes after the deadline was set, so a little more is allowed than was. A
 * process that stood still lets go when it goes on: a hop during which it was paused is left out.
 */
import type { Call } from "../Observation.ts"
import type { Invariant } from "../Invariant.ts"

/** The limit of an investigation in the source document. Real servers need more, and then it is set; scenarios don't. */
const deadlineMs = 30_000

/** Faults in which the process stands still: for their time, or for as long as one of their parameters says. */
export const standsStill = /pause|owners|storage-slow/

export const nothingAfterDeadline: Invariant = {
  name: "nothing-after-deadline",
  description: "No attempt begins or goes on after the deadline of its hop, 30 s.",
  make: (_, report) => {
    const firstMs = new WeakMap<object, number>()
    const inFlight = new Map<Call, object>()
    let pausedUntilMs = -1
    let process = 0
    const lateBy = (hop: object, atMs: number): number => {
      const began = firstMs.get(hop) ?? atMs
      return began <= pausedUntilMs ? -1 : atMs - began - deadlineMs
    }
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
        CallBegan: ({ call }, atMs) => {
          if (call.hop === undefined) return
          if (!firstMs.has(call.hop)) firstMs.set(call.hop, atMs)
          // Another process on the same database is killed without a word.
          if (call.process === process) inFlight.set(call, call.hop)
          if (lateBy(call.hop, atMs) >= 0) report(`call ${call.number} to ${call.peer} began ${lateBy(call.hop, atMs)} ms after its deadline`)
        },
        CallEnded: ({ call }, atMs) => {
          inFlight.delete(call)
          if (call.hop !== undefined && lateBy(call.hop, atMs) > 0) report(`call ${call.number} to ${call.peer} went on for ${lateBy(call.hop, atMs)} ms after its deadline`)
        }
      },
      atEnd: () => {
        for (const call of inFlight.keys()) report(`call ${call.number} to ${call.peer} is still in flight`)
      },
      pending: () => [...inFlight.keys()].map((call) => `call ${call.number} to ${call.peer} is in flight`)
    }
  }
}
