/**
 * More work than the service's own limits let through: again and again every workload breaks at once, in a cluster
 * whose API server takes its time, and few targets are worked at a time. Critical alerts come with warnings about their
 * pods.
 */

import { type Scenario, steady } from "./Scenario.ts"

const minuteMs = 60_000

/** One storm: how long each request takes, and for how long. */
const storm = (atMs: number, takesMs: number) => ({
  kind: "own-overload",
  atMs,
  forMs: 3 * minuteMs,
  parameters: { takesMs }
})

export const overload: Scenario = {
  ...steady,
  name: "overload",
  durationMs: 30 * minuteMs,
  incidentEveryMs: minuteMs / 2,
  workloads: 60,
  service: { ...steady.service, actors: { concurrency: 8 } },
  plan: [storm(2 * minuteMs, 20), storm(10 * minuteMs, 500), storm(20 * minuteMs, 3_000)]
}
