import { assert, describe, it } from "@effect/vitest"
import { failingRevisions } from "../../src/domain/RevisionHealth.ts"
import type { WorkloadState } from "../../src/domain/WorkloadState.ts"
import { earlierPod, observed } from "../investigation/fixtures/Requests.ts"

/** The fixtures were observed at 03:00. */
const minutesBefore = (minutes: number) => new Date(Date.UTC(2026, 10, 24, 3) - minutes * 60_000).toISOString()

type Pod = Partial<WorkloadState["pods"][number]>
const unready = { ready: false, reason: "ContainersNotReady" }

const cases: ReadonlyArray<readonly [claim: string, isFit: boolean, pod: Pod]> = [
  ["never restarted and is not ready now", true, { ...unready, readinessSince: minutesBefore(0.1) }],
  [
    "has been ready for a minute since it restarted",
    true,
    { restarts: 1, restartedAt: minutesBefore(1.2), readinessSince: minutesBefore(1) }
  ],
  [
    "became ready a moment ago, and restarted a moment before",
    false,
    { restarts: 1, restartedAt: minutesBefore(0.7), readinessSince: minutesBefore(0.5) }
  ],
  [
    "is not ready, and restarted a moment ago",
    false,
    { ...unready, restarts: 1, restartedAt: minutesBefore(1), readinessSince: minutesBefore(1.1) }
  ],
  [
    "has not been ready since it restarted, however long ago",
    false,
    { ...unready, restarts: 1, restartedAt: minutesBefore(60), readinessSince: minutesBefore(60.1) }
  ],
  [
    "restarted days ago, and lost its readiness under load a moment ago",
    true,
    { ...unready, restarts: 1, restartedAt: minutesBefore(3000), readinessSince: minutesBefore(0.1) }
  ],
  [
    "restarted days ago, and is ready again since a moment ago",
    true,
    { restarts: 1, restartedAt: minutesBefore(3000), readinessSince: minutesBefore(0.1) }
  ],
  [
    "restarted days ago, and is on a node that was lost an hour ago",
    true,
    { ...unready, restarts: 3, restartedAt: minutesBefore(3000), readinessSince: minutesBefore(60) }
  ],
  [
    "restarted days ago, and whose image cannot be pulled now",
    false,
    { ...unready, reason: "ErrImagePull", restarts: 1, restartedAt: minutesBefore(3000) }
  ],
  ["restarted at a time that is not known, and is not ready", false, { ...unready, restarts: 1 }],
  [
    "restarted at a time that is not known, and became ready a moment ago",
    false,
    { restarts: 1, readinessSince: minutesBefore(0.1) }
  ]
]

describe("an earlier revision", () => {
  for (const [claim, isFit, changes] of cases)
    it(`is ${isFit ? "fit" : "not fit"} to be restored if its pod ${claim}`, () =>
      assert.deepStrictEqual([...failingRevisions(observed({ pods: [earlierPod("a", changes)] }))], isFit ? [] : [1]))
})
