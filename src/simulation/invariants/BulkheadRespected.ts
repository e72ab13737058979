/**
 * A peer never has more concurrent calls than its bulkhead has permits: neither a model nor the cluster's API server.
 * Calls are counted at the wire, for each process of the service.
 */

import { defaults } from "../../resilience/pipeline/Bulkhead.ts"
import type { Invariant } from "./Invariant.ts"

export const bulkheadRespected: Invariant = {
  name: "bulkhead-respected",
  description: `At most ${defaults.limit} calls to one peer are in flight.`,
  make: (_, report) => {
    const inFlight = new Map<string, Map<number, number>>()
    const at = (peer: string): Map<number, number> => {
      const known = inFlight.get(peer) ?? new Map<number, number>()
      inFlight.set(peer, known)
      return known
    }
    const begins = (peer: string, process: number) => {
      const counts = at(peer)
      const now = (counts.get(process) ?? 0) + 1
      counts.set(process, now)
      if (now > defaults.limit) report(`${now} calls to ${peer} are in flight at once`)
    }
    const ends = (peer: string, process: number) => {
      const counts = at(peer)
      counts.set(process, (counts.get(process) ?? 0) - 1)
    }
    return {
      on: {
        CallBegan: ({ call: { peer, process, purpose } }) => {
          if (purpose === "work") begins(peer, process)
        },
        CallEnded: ({ call: { peer, process, purpose } }) => {
          if (purpose === "work") ends(peer, process)
        },
        RequestBegan: ({ request: { process } }) => begins("kubernetes", process),
        RequestEnded: ({ request: { process } }) => ends("kubernetes", process)
      }
    }
  }
}
