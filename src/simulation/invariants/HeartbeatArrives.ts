/**
 * The heartbeat reaches Alertmanager while the service is up and nothing is in its way.
 *
 * It ends three minutes after it was last posted, and its absence is a page. So while the process is ready, and neither
 * the path to Alertmanager nor the database is disturbed, two of them are never further apart. What was disturbed
 * counts for some minutes: until the circuit of the sink is tried again, and the next heartbeat is due.
 */

import type { ObservedFault } from "../observation/Observation.ts"
import type { Invariant } from "./Invariant.ts"

const minuteMs = 60_000
/** As Alertmanager has it: `AlertmanagerSink.heartbeatOf`. */
const lastsMs = 3 * minuteMs
/** How long a disturbance has effects after its end. */
const settlesMs = 3 * minuteMs

/** Whether a fault may keep the heartbeat from Alertmanager, or from being due. */
const isInTheWay = ({ kind, parameters }: ObservedFault): boolean =>
  kind.startsWith("storage")
  || kind.startsWith("spool")
  || kind === "total-isolation"
  || (kind.startsWith("sink-") && parameters["sink"] === "alertmanager")

export const heartbeatArrives: Invariant = {
  name: "heartbeat-arrives",
  description: "While the service is up and nothing is in its way, the heartbeat reaches Alertmanager before it ends.",
  make: ({ scenario, world }, report) => {
    if (scenario.notifications !== true) return {}
    let isReady = false
    let inTheWay = 0
    let arrivals = 0
    /** Since when the heartbeat has been due without an excuse. */
    let dueMs = 0
    const look = (atMs: number): void => {
      if (isReady && inTheWay === 0 && atMs - dueMs > lastsMs)
        report(`no heartbeat reached Alertmanager for ${Math.round((atMs - dueMs) / 1000)} s`)
    }
    const excuse = (untilMs: number): void => {
      dueMs = Math.max(dueMs, untilMs)
    }
    return {
      on: {
        HeartbeatArrived: (_, atMs) => {
          look(atMs)
          arrivals++
          excuse(atMs)
        },
        FaultBegan: ({ fault }, atMs) => {
          if (!isInTheWay(fault)) return
          look(atMs)
          inTheWay++
        },
        FaultHealed: ({ fault }, atMs) => {
          if (!isInTheWay(fault)) return
          inTheWay--
          excuse(atMs + settlesMs)
        },
        ProcessReady: ({ process }, atMs) => {
          if (process !== "service") return
          isReady = true
          excuse(atMs + minuteMs)
        },
        ProcessEnded: ({ process }, atMs) => {
          if (process !== "service") return
          look(atMs)
          isReady = false
        },
        ProcessPaused: ({ forMs }, atMs) => excuse(atMs + forMs + minuteMs),
        SweepBroke: (_, atMs) => excuse(atMs + settlesMs)
      },
      atEnd: () => look(world.nowMs),
      figures: () => ({ heartbeats: arrivals })
    }
  }
}
