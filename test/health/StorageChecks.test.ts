import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { AuditLog } from "../../src/storage/AuditLog.ts"
import type { BusinessFigures } from "../../src/storage/Figures.ts"
import type { RemediationStore } from "../../src/storage/RemediationStore.ts"
import { StorageError } from "../../src/storage/StorageError.ts"
import { auditCheck, businessChecks, dataFlowCheck } from "../../src/wiring/StorageChecks.ts"

const figures = (more: Partial<BusinessFigures> = {}) => ({
  current: Effect.succeed<BusinessFigures>({ alerts: {}, verdicts: {}, actions: [], ...more }),
  recent: Effect.succeed<BusinessFigures>({ alerts: {}, verdicts: {}, actions: [], ...more })
})

const down = new StorageError({ reason: "unavailable", operation: "read", retryable: true, committed: "no" })

describe("the check of the data flow", () => {
  const store = (open: number) => ({ backlog: Effect.succeed(open) }) as unknown as RemediationStore["Service"]
  const alerts = { Remediated: 7, Escalated: 2, Executing: 1, AwaitingReview: 1 }

  it.effect.each([
    [2, "Healthy", "11 accepted, 9 finished, 2 pending"],
    [1, "Unhealthy", "11 accepted, 9 finished, 2 pending, but 1 are open"]
  ] as const)("with %i open remediations is %s", ([open, _tag, message]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* dataFlowCheck(store(open), figures({ alerts })).run, { _tag, message })
    })
  )

  it.effect("is unknown while the database cannot be read", () =>
    Effect.gen(function* () {
      const { run } = dataFlowCheck(store(0), { ...figures(), current: Effect.fail(down) })
      assert.strictEqual((yield* run)._tag, "Unknown")
    })
  )
})

describe("the check of the audit chain", () => {
  const audit = (broken: ReadonlyArray<number> = [], acknowledged: ReadonlyArray<number> = []) =>
    ({ verifyEnd: Effect.succeed({ broken, acknowledged }) }) as unknown as AuditLog["Service"]

  it.effect("finds a security incident in each broken line, and nothing in an intact end", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* auditCheck(audit()).run)._tag, "Healthy")
      const found = yield* auditCheck(audit([17, 40])).run
      assert.deepInclude(found, { _tag: "Unhealthy", message: "broken at line 17, 40" })
      assert.deepStrictEqual(
        found._tag === "Unhealthy" ? found.emergencies?.map(({ key }) => key) : undefined,
        ["audit-chain:17", "audit-chain:40"],
        "each has a key of its own: one that is dismissed hides no other"
      )
    })
  )

  it.effect("names the breaks that an operator has acknowledged, and finds only the others", () =>
    Effect.gen(function* () {
      const known = yield* auditCheck(audit([], [17])).run
      assert.strictEqual(known._tag, "Healthy")
      assert.include(known.message, "broken at line 17, which an operator has acknowledged")
      const another = yield* auditCheck(audit([40], [17])).run
      assert.deepInclude(another, { _tag: "Unhealthy", message: "broken at line 40" })
    })
  )
})

describe("the business checks", () => {
  const found = (more: Partial<BusinessFigures>) =>
    Effect.forEach(businessChecks(figures(more)), ({ name, run }) =>
      Effect.map(run, ({ _tag, message = "" }) => `${name} ${_tag}: ${message}`)
    )

  it.effect("are unknown before anything was judged, and say the figures of the database after that", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* found({}), [
        "alerts-processed Unknown: no alert yet",
        "investigation-accuracy Unknown: no judged actions yet",
        "action-success Unknown: no carried out actions yet"
      ])
      const actions = [
        { action: "RestartWorkload" as const, outcome: "yes" as const, count: 15 },
        { action: "RestartWorkload" as const, outcome: "no" as const, count: 5 },
        { action: "RestartWorkload" as const, outcome: "pending" as const, count: 9 }
      ]
      assert.deepStrictEqual(
        yield* found({ alerts: { Remediated: 20 }, verdicts: { fixed: 10, unknown: 10 }, actions }),
        [
          "alerts-processed Healthy: 20 alerts since the database exists",
          "investigation-accuracy Healthy: 50 % of 20 judged actions",
          "action-success Unhealthy: 75 % of 20 carried out actions"
        ]
      )
    })
  )
})
