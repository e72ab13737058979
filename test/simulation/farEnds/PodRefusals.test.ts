import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { refusedSince } from "../../../src/simulation/farEnds/PodRefusals.ts"

const at = (minute: number) => `2026-11-24T03:${String(minute).padStart(2, "0")}:00.000Z`
const minuteOf = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).getUTCMinutes())

const event = (reason: string, first: number, last = first) => ({
  kind: "Event",
  metadata: {},
  reason,
  firstTimestamp: at(first),
  lastTimestamp: at(last)
})

const of = (kind: "StatefulSet" | "DaemonSet", pods: number, events: ReadonlyArray<object>) => {
  const status = kind === "DaemonSet" ? { desiredNumberScheduled: 3, currentNumberScheduled: pods } : { replicas: pods }
  return minuteOf(
    refusedSince(
      { namespace: "prod", kind, name: "db" },
      {
        read: () => Result.succeed({ kind, metadata: {}, spec: { replicas: 3 }, status } as never),
        list: () => events as never
      }
    )
  )
}

describe.each(["StatefulSet", "DaemonSet"] as const)("the pods of a %s", (kind) => {
  it("are refused since the first event that says so, after the last pod that was created", () => {
    assert.strictEqual(of(kind, 2, [event("FailedCreate", 5, 9)]), 5)
    assert.strictEqual(of(kind, 2, [event("SuccessfulCreate", 7), event("FailedCreate", 5, 9)]), 7)
  })

  it("are not refused if one was created since, if none is missing, or if nothing says so", () => {
    assert.isUndefined(of(kind, 2, [event("FailedCreate", 5, 6), event("SuccessfulCreate", 7)]))
    assert.isUndefined(of(kind, 3, [event("FailedCreate", 5, 9)]))
    assert.isUndefined(of(kind, 2, []))
  })
})

describe("the pods of a Deployment", () => {
  it("are refused since the condition of its ReplicaSet", () => {
    const condition = { type: "ReplicaFailure", status: "True", lastTransitionTime: at(4) }
    const seen = refusedSince(
      { namespace: "prod", kind: "Deployment", name: "app" },
      {
        read: () => Result.fail("not read"),
        list: () => [{ kind: "ReplicaSet", metadata: {}, status: { conditions: [condition] } }] as never
      }
    )
    assert.strictEqual(minuteOf(seen), 4)
  })
})
