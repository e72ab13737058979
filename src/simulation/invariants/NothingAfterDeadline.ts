/**
 * Nobody goes on asking when nobody waits for the answer any more: no attempt of a hop begins, and none is in flight,
 * after the hop's deadline.
 *
 * The time is measured from the hop's first attempt at the wire, which comes after the deadline was set, so a little
 * more is allowed than was. A process that stands still when the time is over lets go in the moment in which it goes
 * on, and what it was about to send leaves then.
 */

import type { Call } from "../observation/Observation.ts"
import { Standstill } from "../observation/Standstill.ts"
import type { Invariant } from "./Invariant.ts"

/**
 * The limit of an investigation in the source document. Real servers need more, and then it is set; scenarios don't.
 */
const deadlineMs = 30_000

export const nothingAfterDeadline: Invariant = {
  name: "nothing-after-deadline",
  description: "No attempt begins or goes on after the deadline of its hop, 30 s.",
  make: (_, report) => {
    const firstMs = new WeakMap<object, number>()
    const inFlight = new Set<Call>()
    const standstill = new Standstill()
    let process = 0
    /** Until when a call may last. A probe has a limit of its own. */
    const deadlineOf = ({ hop }: Call): number => (hop === undefined ? Infinity : firstMs.get(hop)! + deadlineMs)
    // Another process on the same database is not the one that stands still.
    const lastRan = (call: Call, atMs: number): number => (call.process === process ? standstill.since(atMs) : atMs)
    return {
      on: {
        ProcessBooted: ({ number }) => {
          process = number
          standstill.booted()
        },
        ProcessPaused: ({ forMs, number }, atMs) => {
          if (number === process) standstill.paused(atMs, forMs)
        },
        ProcessEnded: () => inFlight.clear(),
        CallBegan: ({ call }, atMs) => {
          if (call.hop !== undefined && !firstMs.has(call.hop)) firstMs.set(call.hop, atMs)
          // Another process on the same database is killed without a word.
          if (call.process === process) inFlight.add(call)
          const dueMs = deadlineOf(call)
          if (lastRan(call, atMs) >= dueMs)
            report(`call ${call.number} to ${call.peer} began ${atMs - dueMs} ms after its deadline`)
        },
        CallEnded: ({ call }, atMs) => {
          inFlight.delete(call)
          const dueMs = deadlineOf(call)
          if (lastRan(call, atMs) > dueMs)
            report(`call ${call.number} to ${call.peer} went on for ${atMs - dueMs} ms after its deadline`)
        }
      },
      atEnd: () => {
        for (const call of inFlight) report(`call ${call.number} to ${call.peer} is still in flight`)
      },
      pending: () => [...inFlight].map((call) => `call ${call.number} to ${call.peer} is in flight`)
    }
  }
}
