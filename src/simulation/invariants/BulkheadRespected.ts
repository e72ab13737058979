/** A peer that is slow does not get more calls at once than its bulkhead has places. Counted at the wire, by process of the service. */
import { defaults } from "../../resilience/Bulkhead.ts"
import type { Invariant } from "../Invariant.ts"

export const bulkheadRespected: Invariant = {
  name: "bulkhead-respected",
  description: `Never more than ${defaults.limit} calls at once are in flight to one peer.`,
  make: (_, report) => {
    const inFlight = new Map<string, number>()
    return {
      on: {
        CallBegan: ({ call: { peer, process, purpose } }) => {
          if (purpose === "probe") return
          const key = `${peer} ${process}`
          const now = (inFlight.get(key) ?? 0) + 1
          inFlight.set(key, now)
          if (now > defaults.limit) report(`${now} calls to ${peer} are in flight at once`)
        },
        CallEnded: ({ call: { peer, process, purpose } }) => {
          if (purpose === "work") inFlight.set(`${peer} ${process}`, (inFlight.get(`${peer} ${process}`) ?? 0) - 1)
        }
      }
    }
  }
}
