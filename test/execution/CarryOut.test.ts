import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import type { Change } from "../../src/domain/Change.ts"
import { begun, type Event, type Move, nextMove, type Progress, type Situation } from "../../src/execution/CarryOut.ts"
import { emergencyStopped } from "../../src/execution/FailureClassifier.ts"
import type { Presence } from "../../src/execution/Presence.ts"
import { KubernetesError, type KubernetesErrorReason } from "../../src/kubernetes/KubernetesClient.ts"

const ref = { namespace: "shop", kind: "Deployment", name: "checkout" }
const patch: Change = { _tag: "Patch", ref, patch: [] }
const eviction: Change = { _tag: "Evict", ref: { ...ref, kind: "Pod" }, uid: "p1" }

const limits = {
  attempts: 5,
  readBackDelayMs: 1000,
  evictionIntervalMs: 5000,
  evictionDeadlineMs: 120_000,
  expiresAtMs: 600_000
}
const nowMs = 60_000

/** A read after a minute of this run, in which a write of an earlier run would have shown up. */
const read = (presence: Presence, atMs = nowMs): Event => ({ _tag: "ReadBack", presence, nowMs: atMs, runMs: 60_000 })
/** A read within the first minute of this run. */
const firstRead = (presence: Presence, atMs: number): Event => ({
  _tag: "ReadBack",
  presence,
  nowMs: atMs,
  runMs: 59_999
})
const error = (reason: KubernetesErrorReason) =>
  new KubernetesError({
    reason,
    operation: "patch Deployment shop/checkout",
    applied: reason._tag === "Timeout" ? "unknown" : "no",
    retryable: false
  })
const failed = (tag: "Conflict" | "DisruptionBudget" | "Forbidden" | "NotFound" | "Timeout", atMs = nowMs): Event => ({
  _tag: "WriteFailed",
  error: error({ _tag: tag }),
  nowMs: atMs
})
const failedFor = (reason: KubernetesErrorReason, patienceMs = 0): Event => ({
  _tag: "WriteFailed",
  error: error(reason),
  nowMs,
  patienceMs
})
/** A write that failed while the work has patience. */
const away = (reason: KubernetesErrorReason) => failedFor(reason, 60_000)
/** A write that failed although the server may have stored it. */
const perhaps = (reason: KubernetesErrorReason): Event => ({
  _tag: "WriteFailed",
  error: new KubernetesError({ ...error(reason), applied: "unknown" }),
  nowMs,
  patienceMs: 60_000
})
const down = { _tag: "Unavailable", status: 500 } as const
const budget = (atMs?: number) => failed("DisruptionBudget", atMs)
const unreadable: Event = { _tag: "Unreadable", error: error({ _tag: "Unavailable" }) }
const notNow = error({ _tag: "NotNow", limit: "bulkhead" })
const unreadNow: Event = { _tag: "Unreadable", error: notNow }
const unsent: Event = { _tag: "WriteFailed", error: notNow, nowMs }
const fenceLost: Event = { _tag: "FenceLost" }
const notStarted: Event = { _tag: "NotStarted", failure: emergencyStopped("Ada has stopped everything.") }
const written: Event = { _tag: "Written" }

type Given = Partial<Progress> & Partial<Omit<Situation, "limits">>
const timeout = { lastFailure: { code: "timeout", category: "timeout", message: "" } } as const
const silent: Given = { unanswered: true, attempt: 2, ...timeout }
const resumed: Given = { resumed: true }
/** After an eviction that a disruption budget refused. */
const refused: Given = { lastFailure: { code: "disruption-budget", category: "policy", message: "" } }
const invalid = { _tag: "Invalid", fields: [] } as const
/** After a patch that the API server could not apply. */
const nonsense: Given = { attempt: 6, lastFailure: { code: "invalid", category: "api", message: "" } }

const move = (event: Event, { change = patch, mayWrite = true, resumed = false, ...progress }: Given) =>
  nextMove(event, { ...begun, ...progress }, { change, mayWrite, resumed, limits })

/** `stop timeout unknown`, or `retry 1000 attempt 2 unanswered`. */
const inWords = (move: Move): string => {
  switch (move._tag) {
    case "Done":
      return move.applied === "yes" ? "done" : `done ${move.applied}`
    case "Stop":
      return `stop ${move.failure.code} ${move.applied}`
    case "Retry": {
      const { attempt, lastFailure, unanswered } = move.progress
      return `retry ${move.afterMs} attempt ${attempt} ${lastFailure?.code}${unanswered ? " unanswered" : ""}`
    }
    default:
      return move._tag.toLowerCase()
  }
}

const edges: ReadonlyArray<readonly [edge: string, expected: string, event: Event, given?: Given]> = [
  ["present", "done", read("present")],
  ["present", "done", read("present", 700_000), { ...silent, ...resumed, mayWrite: false }],
  ["present", "done no", read("present"), { change: eviction }],
  ["present", "done unknown", read("present"), { change: eviction, ...resumed }],
  ["present", "done unknown", read("present"), { change: eviction, ...silent }],
  ["present", "done no", read("present"), { change: eviction, ...refused }],
  ["superseded", "stop conflict no", read("superseded")],
  ["superseded", "stop conflict no", read("superseded"), { ...silent, ...resumed }],
  ["unsigned", "stop conflict no", read("unsigned")],
  ["unsigned", "stop conflict unknown", read("unsigned"), silent],
  ["unsigned", "stop conflict unknown", read("unsigned"), resumed],
  ["outdated, waits left", "retry 1000 attempt 1 undefined", read("outdated")],
  ["outdated, waits left", "retry 1000 attempt 1 undefined", read("outdated"), resumed],
  ["outdated, no waits left", "stop conflict no", read("outdated"), { waits: 30 }],
  ["outdated, no waits left", "stop conflict unknown", read("outdated"), { ...resumed, waits: 30 }],
  ["gone", "stop conflict no", read("gone")],
  ["gone", "stop conflict unknown", read("gone"), silent],
  ["gone", "stop conflict unknown", read("gone"), resumed],
  ["unreadable", "stop unavailable no", unreadable],
  ["unreadable", "stop unavailable unknown", unreadable, resumed],
  ["unreadable", "stop timeout unknown", unreadable, silent],
  ["unreadable", "stop own-limit no", unreadNow],
  ["unreadable", "stop own-limit unknown", unreadNow, resumed],
  ["unreadable", "stop timeout unknown", unreadNow, silent],
  ["not sent: our own limit", "retry 1000 attempt 1 own-limit", unsent],
  ["not sent: our own limit", "retry 1000 attempt 2 own-limit unanswered", unsent, silent],
  ["absent", "write", read("absent")],
  ["absent", "write", read("absent", 599_999), { ...silent, ...resumed, attempt: 5 }],
  ["attempts used up", "stop timeout no", read("absent"), { ...timeout, attempt: 6 }],
  ["attempts used up", "stop timeout unknown", read("absent", 600_000), { ...silent, attempt: 6 }],
  ["expired, a write may show up", "retry 1000 attempt 1 undefined", firstRead("absent", 600_000), resumed],
  [
    "expired, a write may show up",
    "retry 1000 attempt 1 undefined",
    firstRead("absent", 86_400_000),
    { ...resumed, mayWrite: false }
  ],
  [
    "expired, a write may show up",
    "retry 1000 attempt 1 undefined",
    firstRead("absent", 86_400_000),
    { ...resumed, change: eviction }
  ],
  ["intent expired", "stop stale no", firstRead("absent", 600_000)],
  ["intent expired", "stop stale no", read("absent", 600_000)],
  ["intent expired", "stop stale unknown", read("absent", 600_000), resumed],
  ["intent expired", "stop stale unknown", read("absent", 659_999), { ...resumed, mayWrite: false }],
  ["intent expired", "stop stale no", read("absent", 660_000), { ...resumed, mayWrite: false }],
  ["intent expired", "stop timeout unknown", read("absent", 600_000), silent],
  ["writes not allowed", "stop mode no", read("absent"), { mayWrite: false }],
  ["writes not allowed", "stop mode unknown", read("absent"), { ...silent, mayWrite: false }],
  ["writes not allowed", "stop mode unknown", read("absent"), { resumed: true, mayWrite: false }],
  ["fence lost", "stop fenced no", fenceLost],
  ["fence lost", "stop fenced no", fenceLost, resumed],
  ["fence lost", "stop fenced unknown", fenceLost, silent],
  ["may not start", "stop emergency-stop no", notStarted],
  ["may not start", "stop emergency-stop unknown", notStarted, resumed],
  ["success", "done", written, silent],
  ["the pod is gone", "done no", failed("NotFound"), { change: eviction }],
  ["the pod is gone", "done no", failed("Conflict"), { change: eviction }],
  ["the pod is gone", "done unknown", failed("NotFound"), { change: eviction, ...silent }],
  ["the pod is gone", "done unknown", perhaps({ _tag: "NotFound" }), { change: eviction }],
  ["the pod is gone", "done unknown", failed("NotFound"), { change: eviction, ...resumed }],
  ["disruption budget, time left", "retry 5000 attempt 1 disruption-budget", budget(115_000), { attempt: 5 }],
  ["disruption budget, time left", "retry 5000 attempt 1 disruption-budget unanswered", budget(), silent],
  ["disruption budget, deadline reached", "stop disruption-budget no", budget(115_001)],
  ["disruption budget, deadline reached", "stop disruption-budget unknown", budget(115_001), silent],
  ["no response", "retry 1000 attempt 2 timeout unanswered", failed("Timeout")],
  ["not now, patience left", "retry 1000 attempt 1 unavailable", away({ _tag: "Unavailable", status: 503 })],
  ["not now, patience left", "retry 4000 attempt 1 unavailable", away({ _tag: "Unavailable" }), { waits: 2 }],
  ["not now, patience left", "retry 5000 attempt 1 unavailable", away({ _tag: "Unavailable" }), { waits: 9 }],
  [
    "not now, patience left",
    "retry 3000 attempt 1 rate-limited",
    away({ _tag: "TooManyRequests", retryAfterMs: 3000 })
  ],
  [
    "not now, patience left",
    "retry 5000 attempt 1 rate-limited",
    away({ _tag: "TooManyRequests", retryAfterMs: 86_400_000 })
  ],
  ["not now, patience left", "retry 1000 attempt 1 webhook-unreachable", away({ ...down, because: "webhook" })],
  ["not now, patience left", "retry 1000 attempt 1 timeout unanswered", away({ _tag: "Timeout" })],
  ["not now, patience left", "retry 1000 attempt 1 own-limit", away({ _tag: "NotNow", limit: "bulkhead" })],
  ["failed for good, perhaps stored", "retry 1000 attempt 6 storage-full unanswered", perhaps({ _tag: "StorageFull" })],
  [
    "failed for good, perhaps stored",
    "retry 1000 attempt 6 storage-read-error unanswered",
    perhaps({ ...down, because: "storage-read" })
  ],
  ["refused", "stop unavailable no", failedFor({ _tag: "Unavailable" })],
  ["refused", "stop several-budgets no", away({ ...down, because: "several-budgets" })],
  ["refused", "stop forbidden no", away({ _tag: "Forbidden" })],
  ["conflict", "retry 0 attempt 2 conflict", failed("Conflict")],
  ["conflict", "retry 0 attempt 3 conflict unanswered", failed("Conflict"), silent],
  ["conflict", "retry 0 attempt 2 conflict unanswered", failed("Conflict"), resumed],
  ["refused", "stop forbidden no", failed("Forbidden")],
  ["refused", "stop not-found no", failed("NotFound")],
  ["refused", "stop bad-request no", failedFor({ ...invalid, status: 400 })],
  ["refused", "stop invalid no", failedFor(invalid), { change: eviction }],
  ["invalid", "retry 0 attempt 6 invalid", failedFor(invalid)],
  ["invalid", "retry 0 attempt 6 invalid unanswered", failedFor(invalid), silent],
  ["invalid", "retry 0 attempt 6 invalid unanswered", failedFor(invalid), resumed],
  ["attempts used up", "stop invalid no", read("absent"), nonsense],
  ["superseded", "stop conflict no", read("superseded"), nonsense],
  ["gone", "stop conflict no", read("gone"), nonsense],
  ["refused", "stop forbidden unknown", failed("Forbidden"), silent],
  ["refused", "stop forbidden unknown", failed("Forbidden"), resumed]
]

describe("the next move of a write", () => {
  for (const [edge, expected, event, given = {}] of edges) {
    it(`after ${[edge, ...Object.keys(given)].join(", ")}: ${expected}`, () => {
      assert.strictEqual(inWords(move(event, given)), expected)
    })
  }

  it("is tested for every edge of the diagram, and ends as drawn there", () => {
    const diagram = readFileSync("src/execution/CarryOut.ts", "utf8").split("*/")[0] ?? ""
    const drawn = [...diagram.matchAll(/── ([a-z][^─]*) ─+> (done|stop|retry)/g)].map(
      ([, edge, end]) => `${edge}: ${end}`
    )
    const tested = edges
      .filter(([, expected]) => expected !== "write")
      .map(([edge, expected]) => `${edge}: ${expected.split(" ")[0]}`)
    assert.isNotEmpty(drawn)
    assert.sameMembers([...new Set(tested)], drawn)
  })
})
