/** The effects of faults of the service itself, of its operators and of its clock. */

import { assert } from "@effect/vitest"
import { effectsOn } from "../../fixtures/Effects.ts"
import { undisturbed } from "../../fixtures/Undisturbed.ts"
import { type Case, type Cases, fromMs, type Phase, toMs, type Witness } from "../../fixtures/Witness.ts"

const pausedMs = 90_000

const processCases: Cases = {
  "process-crash": [
    {
      parameters: { afterSteps: 50 },
      claim: "the process is killed once, and a new one boots",
      shows: (seen) => {
        assert.deepStrictEqual(
          seen.seen("ProcessEnded").map(({ how, phase }) => `${how} ${phase}`),
          ["crashed during"]
        )
        assert.strictEqual(seen.result.boots, 2)
      }
    }
  ],
  "process-crash-at-write": [
    {
      parameters: { share: 1 },
      claim: "the process is killed after each write took effect, before its outcome is recorded",
      shows: (seen) => {
        const writtenMs = seen
          .seen("ClusterWrite", "during")
          .filter(({ applied }) => applied === "yes")
          .map(({ atMs }) => atMs)
        const endedMs = seen.seen("ProcessEnded", "during").map(({ atMs }) => atMs)
        assert.isAbove(writtenMs.length, 1)
        const recordedMs = seen.events("during").flatMap(({ atMs, kind }) => (kind === "Executed" ? [atMs] : []))
        for (const ms of writtenMs) {
          const endMs = endedMs.find((end) => end >= ms) ?? Infinity
          assert.isAtMost(endMs, ms + 20)
          assert.isFalse(recordedMs.some((at) => at >= ms && at <= endMs))
        }
        assert.deepStrictEqual(seen.seen("ProcessEnded", "after"), [])
      }
    }
  ],
  "process-pause": [
    {
      parameters: { pauseMs: pausedMs },
      claim: "nothing runs and nothing responds for a minute and a half, and then the same process resumes",
      shows: (seen) => {
        const meanwhile = ({ atMs }: { readonly atMs: number }) => atMs > fromMs && atMs < fromMs + pausedMs
        for (const tag of ["Committed", "ClusterWrite", "AlertAnswered"] as const)
          assert.deepStrictEqual(seen.seen(tag).filter(meanwhile), [], tag)
        assert.isAbove(undisturbed.seen("Committed").filter(meanwhile).length, 10)
        assert.isTrue(seen.seen("Committed").some(({ atMs }) => atMs >= fromMs + pausedMs && atMs < toMs))
        assert.strictEqual(seen.result.boots, 1)
      }
    }
  ],
  "process-restart-loop": [
    {
      parameters: { livesMs: 3_000 },
      claim: "the process keeps ending until the fault heals, and then keeps running",
      shows: (seen) => {
        assert.isAbove(seen.seen("ProcessEnded", "during").length, 5)
        // The boot after the last crash may be due later.
        assert.deepStrictEqual(seen.seen("ProcessEnded", "after"), [])
      }
    }
  ],
  "process-two-owners": [0, 60_000].map((pauseMs): Case => ({
    parameters: { pauseMs },
    claim: `another epoch takes over remediations although no process has ended, with a pause of ${pauseMs} ms`,
    shows: (seen) => {
      const epochs = (witnessed: Witness) => {
        const of = new Map<string, Set<number>>()
        for (const { event, remediationId } of [...witnessed.events("during"), ...witnessed.events("after")]) {
          if (event._tag === "Started") of.set(remediationId, (of.get(remediationId) ?? new Set()).add(event.epoch))
        }
        return [...of.values()].filter(({ size }) => size > 1).length
      }
      assert.deepStrictEqual(seen.seen("ProcessEnded"), [])
      assert.isAbove(epochs(seen), epochs(undisturbed))
    }
  })),
  "wall-clock-jump": [3_600_000, -3_600_000].map((byMs): Case => ({
    parameters: { byMs },
    claim: `journal rows are dated ${byMs} ms off while it lasts, and correctly afterwards`,
    shows: (seen) => {
      const startMs = Date.UTC(2026, 10, 24, 3)
      // The clock jumps within the first moment, and is set right within the last.
      const off = (phase: Phase) =>
        seen
          .events(phase)
          .filter(({ atMs, kind }) => kind === "Accepted" && atMs !== fromMs && atMs !== toMs)
          .map(({ at, atMs }) => Date.parse(at) - startMs - atMs)
      const near = (ms: number, to: number) => Math.abs(ms - to) < 1_000
      assert.isTrue(off("during").length > 0 && off("during").every((ms) => near(ms, byMs)))
      assert.isTrue(off("after").length > 0 && off("after").every((ms) => near(ms, 0)))
    }
  })),
  "operator-mode": [
    {
      parameters: { mode: "observe" },
      claim: "in observe nothing is intended, and afterwards actions are intended again",
      shows: (seen) => {
        assert.deepStrictEqual(
          seen.seen("ProcessBooted").map(({ mode }) => mode),
          ["auto", "observe", "auto"]
        )
        const intended = (phase: Phase) => seen.events(phase).filter(({ kind }) => kind === "Intended").length
        assert.strictEqual(intended("during"), 0)
        assert.isTrue(
          seen.events("during").some(({ event }) => event._tag === "Concluded" && event.state === "Observed")
        )
        assert.isAbove(intended("after"), 0)
      }
    }
  ],
  "operator-emergency-stop": [
    {
      parameters: {},
      claim: "no action starts, alerts are escalated, and afterwards actions start again",
      shows: (seen) => {
        const intended = (phase: Phase) => seen.events(phase).filter(({ kind }) => kind === "Intended").length
        assert.strictEqual(intended("during"), 0)
        assert.isTrue(
          seen.events("during").some(({ event }) => event._tag === "Concluded" && event.state === "Escalated")
        )
        assert.isAbove(intended("after"), 0)
        assert.deepStrictEqual(
          seen.seen("EmergencyStop").map(({ set }) => set),
          [true, false]
        )
      }
    }
  ],
  "operator-declares-emergency": [
    {
      parameters: {},
      claim: "the level is 3 at once, nothing is intended, and afterwards actions start again",
      shows: (seen) => {
        assert.deepStrictEqual(
          seen.seen("LevelIs").map(({ level, phase }) => `${level} ${phase}`),
          ["0 before", "3 during", "0 after"]
        )
        assert.deepStrictEqual(
          seen.seen("EmergencyDeclared").map(({ set }) => set),
          [true, false]
        )
        const intended = (phase: Phase) => seen.events(phase).filter(({ kind }) => kind === "Intended").length
        assert.strictEqual(intended("during"), 0)
        assert.isAbove(intended("after"), 0)
      }
    }
  ],
  "operator-breaker": [
    {
      parameters: { what: "isolate", forMs: 60_000 },
      claim: "isolated: only probes reach the cluster for a minute, and then requests do again without an operator",
      shows: (seen) => {
        assert.deepInclude(
          seen.seen("BreakerMoved", "during").map(({ breaker, to }) => `${breaker} ${to}`),
          "kubernetes Isolated"
        )
        const at = seen
          .requests("during")
          .filter(({ verb }) => verb !== "probe")
          .map(({ atMs }) => atMs)
        assert.deepStrictEqual(
          at.filter((ms) => ms > fromMs + 100 && ms < fromMs + 60_000),
          []
        )
        assert.isTrue(at.some((ms) => ms >= fromMs + 60_000))
      }
    },
    {
      parameters: { what: "force-closed", forMs: 60_000 },
      also: [{ kind: "kubernetes-unavailable", parameters: { share: 1 }, forMs: 50_000 }],
      claim: "forced closed: requests still go to a dead cluster, and the breaker does not open",
      shows: (seen) => {
        const moved = seen.seen("BreakerMoved", "during").filter(({ breaker }) => breaker === "kubernetes")
        assert.isTrue(moved.some(({ to }) => to === "ForcedClosed"))
        assert.isFalse(moved.some(({ atMs, to }) => to === "Open" && atMs < fromMs + 50_000))
        assert.isAbove(seen.requests("during").filter(({ outcome }) => outcome === "Unavailable").length, 20)
      }
    },
    {
      parameters: { what: "hair-trigger", forMs: 60_000 },
      also: [{ kind: "kubernetes-unavailable", parameters: { share: 1 }, atMs: fromMs + 20_000, forMs: 20_000 }],
      claim: "a changed setting: the breaker opens before the fifth failure",
      shows: (seen) => {
        const opened = seen
          .seen("BreakerMoved", "during")
          .find(({ breaker, to }) => breaker === "kubernetes" && to === "Open")
        const failures = seen
          .requests("during")
          .filter(({ atMs, outcome }) => outcome === "Unavailable" && opened !== undefined && atMs < opened.atMs)
        assert.isDefined(opened)
        // Other requests may already be in flight at the first failure.
        assert.isBelow(failures.length, 5)
      }
    }
  ]
}

effectsOn(["service", "time"], processCases)
