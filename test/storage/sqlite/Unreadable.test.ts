/** Rows that are damaged, or that another version wrote. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { RemediationEvent } from "../../../src/domain/Remediation.ts"
import { targetKey } from "../../../src/domain/Target.ts"
import { AuditLog } from "../../../src/storage/AuditLog.ts"
import { RemediationStore } from "../../../src/storage/RemediationStore.ts"
import { openMemory } from "../../../src/storage/sqlite/Sqlite.ts"
import * as Storage from "../../../src/storage/Storage.ts"
import {
  concluded,
  decided,
  deployment,
  minute,
  newAlert,
  remediationId,
  remediationNamed,
  started,
  take
} from "../Incident.ts"

const checkout = deployment("checkout")
const id = remediationId("1")

/** Runs `before`, then damages rows, then runs `after` in another process. */
const damaged = <A, E, F>(
  before: Effect.Effect<unknown, F, RemediationStore | AuditLog>,
  sql: string,
  after: Effect.Effect<A, E, RemediationStore | AuditLog>
) =>
  Effect.gen(function* () {
    const database = openMemory()
    const process = <B, G>(effect: Effect.Effect<B, G, RemediationStore | AuditLog>) =>
      Effect.provide(effect, Storage.layerDatabase(database), { local: true })
    yield* Effect.orDie(process(before))
    database.exec("drop trigger remediation_events_no_update; drop trigger audit_no_update")
    database.exec(sql)
    return yield* process(after)
  })

const underReview = Effect.gen(function* () {
  const store = yield* RemediationStore
  yield* store.accept([newAlert("1", "f1", checkout), newAlert("2", "f2", deployment("cart"))], minute(0))
  for (const target of [checkout, deployment("cart")]) {
    const { claim, remediation } = yield* take(target)
    yield* store.append(claim, remediation, [started, decided(target, "review")], minute(1))
  }
})

const damageEntry = (sequence: number, data = '{"_tag":"Future"}') =>
  `update remediation_events set data = '${data}' where remediation_id = '${id}' and sequence = ${sequence}`

describe("an entry that cannot be read", () => {
  it.effect("is listed, and hides neither the rest of its remediation nor others", () =>
    damaged(
      underReview,
      damageEntry(2),
      Effect.gen(function* () {
        const store = yield* RemediationStore
        const found = yield* remediationNamed("1")
        assert.deepStrictEqual([found.unreadable, found.state, found.traceId], [[2], "AwaitingReview", "trace"])
        assert.deepStrictEqual(
          (yield* store.journal(id)).map(({ event }) => event._tag),
          ["Accepted", "Started"]
        )
        assert.lengthOf((yield* store.list({ limit: 10 })).items, 2)
      })
    )
  )

  it.effect("is replaced by what the row knows if it is the first one", () =>
    damaged(
      underReview,
      damageEntry(0, "not JSON"),
      Effect.gen(function* () {
        const found = yield* remediationNamed("1")
        assert.deepStrictEqual(found.unreadable, [0])
        assert.deepInclude(found.alert, { fingerprint: "f1", name: "KubeDeploymentRolloutStuck", severity: "warning" })
        assert.deepStrictEqual(found.target, checkout)
      })
    )
  )

  it.effect("does not keep its target: the remediation ends, and the next alert is new work", () =>
    damaged(
      underReview,
      damageEntry(1),
      Effect.gen(function* () {
        const store = yield* RemediationStore
        yield* store.resolve(
          [{ cluster: "test", fingerprint: "f1", startsAt: minute(0), endsAt: minute(2) }],
          minute(2)
        )
        const { claim, open } = yield* store.claim(targetKey(checkout))
        const found = open._tag === "Some" ? open.value : assert.fail("no open remediation")
        yield* store.append(claim, found, [concluded("Escalated")], minute(3))
        const [next] = yield* store.accept([newAlert("3", "f3", checkout)], minute(4))
        assert.strictEqual(next?.status, "accepted")
      })
    )
  )
})

describe("other rows that cannot be read", () => {
  it.effect("a review does not hide the other reviews", () =>
    damaged(
      underReview,
      `update reviews set data = '{}' where remediation_id = '${id}'`,
      Effect.gen(function* () {
        const store = yield* RemediationStore
        assert.deepStrictEqual(
          (yield* store.reviews(10)).map((review) => review.id),
          [remediationId("2")]
        )
      })
    )
  )

  it.effect("an audit line says so, hides no other line, and breaks the chain", () =>
    damaged(
      underReview,
      "update audit set data = 'not JSON' where sequence = 2",
      Effect.gen(function* () {
        const audit = yield* AuditLog
        const lines = yield* audit.read(0, 100)
        assert.deepStrictEqual(
          lines.map(({ sequence }) => sequence),
          lines.map((_, index) => index + 1)
        )
        assert.deepStrictEqual(lines[1]?.data, { unreadable: true })
        assert.strictEqual(yield* audit.verify, 2)
      })
    )
  )
})

describe("an event that could not be read again", () => {
  const blank: RemediationEvent = {
    _tag: "Decided",
    level: 0,
    decision: {
      outcome: "escalate",
      action: { type: "Notify", target: { namespace: "shop", kind: "Deployment", name: "checkout" }, reason: "" },
      risk: "none",
      confidence: 0.5,
      reasons: []
    },
    observed: null
  }

  it.effect("is refused, and nothing of its append is stored", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f1", checkout)], minute(0))
      const { claim, remediation } = yield* take(checkout)
      const error = yield* Effect.flip(store.append(claim, remediation, [started, blank], minute(1)))
      assert.deepInclude(error, { _tag: "StorageError", reason: "invalid" })
      assert.include(error.message, "event Decided")
      assert.strictEqual((yield* store.journal(id)).length, 1)
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})
