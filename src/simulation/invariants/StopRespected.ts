/**
 * While the emergency stop is set, no action starts: the first write of an action does not arrive. An action that had
 * written before goes on, and a rollback is no action.
 */

import { Senders } from "../observation/Senders.ts"
import type { Invariant } from "./Invariant.ts"

/** How long a write may take to arrive: the longest deadline of a request, and the longest delay of the network. */
const inFlightMs = 60_000

export const stopRespected: Invariant = {
  name: "stop-respected",
  description: "No action starts while the emergency stop is set.",
  make: (_, report) => {
    const senders = new Senders()
    const started = new Set<string>()
    let stoppedMs: number | undefined
    return {
      on: {
        EmergencyStop: ({ set }, atMs) => {
          stoppedMs = set ? (stoppedMs ?? atMs) : undefined
        },
        Committed: ({ events }) => {
          for (const { event, kind } of events)
            if (kind === "Intended" && event._tag === "Intended") senders.intended(event.intent)
        },
        ClusterWrite: (write, atMs) => {
          const execution = senders.of(write)
          if (execution === undefined || execution.includes("-rollback-") || started.has(execution)) return
          started.add(execution)
          if (stoppedMs === undefined || atMs - stoppedMs < inFlightMs) return
          report(
            `${write.change._tag} of ${write.change.ref.kind} ${write.change.ref.name} began ${execution} ${Math.round((atMs - stoppedMs) / 1000)} s after the emergency stop was set`
          )
        }
      }
    }
  }
}
