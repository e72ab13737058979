/**
 * No attempt of a hop begins or is in flight after the hop's deadline, when nothing waits for its result any more.
 *
 * The time is measured from the hop's first attempt at the wire, which comes after the deadline was set, so slightly
 * more is allowed. A process that is paused at the deadline gives up when it resumes, and then sends what it was about
 * to send.
 */

import type { Call } from "../observation/Observation.ts"
import { Standstill } from "../observation/Standstill.ts"
import type { Invariant } from "./Invariant.ts"

/** The default limit of an investigation (`docs/requirements.md`, HolmesGPT). No scenario raises it. */
const deadlineMs = 30_000

export const nothingAfterDeadline: Invariant = {
  name: "nothing-after-deadline",
  description: "No attempt begins or continues after the deadline of its hop, 30 s.",
  make: (_, report) => {
    const firstMs = new WeakMap<object, number>()
    const inFlight = new Set<Call>()
    const standstill = new Standstill()
    let process: number | undefined = 0
    /** Until when a call may last. A probe has its own limit. */
    const deadlineOf = ({ hop }: Call): number => (hop === undefined ? Infinity : firstMs.get(hop)! + deadlineMs)
    // Only the observed process is paused, not another one on the same database.
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
        ProcessEnded: () => {
          // What it still does in the step in which it ends goes nowhere.
          process = undefined
          inFlight.clear()
        },
        CallBegan: ({ call }, atMs) => {
          if (call.hop !== undefined && !firstMs.has(call.hop)) firstMs.set(call.hop, atMs)
          // The end of another process on the same database is not observed.
          if (call.process === process) inFlight.add(call)
          const dueMs = deadlineOf(call)
          if (lastRan(call, atMs) >= dueMs)
            report(`call ${call.number} to ${call.peer} began ${atMs - dueMs} ms after its deadline`)
        },
        CallEnded: ({ call }, atMs) => {
          inFlight.delete(call)
          const dueMs = deadlineOf(call)
          if (lastRan(call, atMs) > dueMs)
            report(`call ${call.number} to ${call.peer} continued for ${atMs - dueMs} ms after its deadline`)
        }
      },
      atEnd: () => {
        for (const call of inFlight) report(`call ${call.number} to ${call.peer} is still in flight`)
      },
      pending: () => [...inFlight].map((call) => `call ${call.number} to ${call.peer} is in flight`)
    }
  }
}
