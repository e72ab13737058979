import { readFileSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { Archive } from "../../src/storage/Archive.ts"
import { accuracyOf, actionSuccessOf, Figures } from "../../src/storage/Figures.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { StorageHealth } from "../../src/storage/StorageHealth.ts"
import { directory, life } from "./ArchiveFolder.ts"
import {
  concluded,
  decided,
  deployment,
  executed,
  intended,
  minute,
  newAlert,
  remediate,
  started,
  take,
  verified
} from "./Incident.ts"

const day = 24 * 60
const figures = Effect.flatMap(Figures, ({ current }) => current)

const remediated = (name: string, at: number) =>
  Effect.gen(function* () {
    const store = yield* RemediationStore
    const target = deployment(name)
    yield* store.accept([newAlert(name, `f${name}`, target)], minute(at))
    const { claim, remediation } = yield* take(target)
    return yield* remediate(claim, remediation, minute(at + 1))
  })

const notFixed = (name: string, at: number) =>
  Effect.gen(function* () {
    const store = yield* RemediationStore
    const target = deployment(name)
    yield* store.accept([newAlert(name, `f${name}`, target)], minute(at))
    const { claim, remediation } = yield* take(target)
    const acting = yield* store.append(
      claim,
      remediation,
      [started, decided(target), intended(target, `exec-${name}`)],
      minute(at + 1)
    )
    yield* store.append(
      claim,
      acting,
      [executed(`exec-${name}`), verified("not-fixed"), concluded("Escalated")],
      minute(at + 2)
    )
  })

describe("the business figures", () => {
  it.effect("are empty, and their shares unknown, in a new database", () =>
    Effect.gen(function* () {
      const found = yield* figures
      assert.deepStrictEqual(found, { alerts: {}, verdicts: {}, actions: [] })
      assert.isUndefined(accuracyOf(found))
      assert.isUndefined(actionSuccessOf(found))
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("of the newest 100 actions show that all of them fail, whatever was before", () =>
    Effect.gen(function* () {
      const { recent } = yield* Figures
      assert.deepStrictEqual(yield* recent, { alerts: {}, verdicts: {}, actions: [] } as never)
      for (let index = 0; index < 30; index++) yield* remediated(`old-${index}`, index)
      assert.strictEqual(accuracyOf(yield* recent), 1)
      for (let index = 0; index < 100; index++) yield* notFixed(`new-${index}`, 100 + index)
      assert.strictEqual(accuracyOf(yield* recent), 0)
      assert.isAbove(accuracyOf(yield* figures) ?? 0, 0)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("count every remediation by its state, every action by its outcome, and every verdict", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* remediated("a", 0)
      yield* notFixed("b", 0)
      yield* store.accept([newAlert("c", "fc", deployment("c"))], minute(0))
      const acting = yield* take(deployment("c"))
      yield* store.append(
        acting.claim,
        acting.remediation,
        [started, decided(deployment("c")), intended(deployment("c"), "exec-c")],
        minute(1)
      )
      const found = yield* figures
      assert.deepStrictEqual(found, {
        alerts: { Escalated: 1, Executing: 1, Remediated: 1 },
        verdicts: { fixed: 1, "not-fixed": 1 },
        actions: [
          { action: "RestartWorkload", outcome: "pending", count: 1 },
          { action: "RestartWorkload", outcome: "yes", count: 2 }
        ]
      })
      assert.strictEqual(accuracyOf(found), 0.5)
      assert.strictEqual(actionSuccessOf(found), 1, "an action that is under way is no failure")
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("follow a fix that is refuted later, and do not count the storage's own trial", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      assert.deepStrictEqual(yield* Effect.flatMap(StorageHealth, ({ check }) => check), { _tag: "Up" })
      assert.deepStrictEqual((yield* figures).alerts, {})
      yield* remediated("a", 0)
      yield* store.resolve([{ cluster: "test", fingerprint: "fa", startsAt: minute(0), endsAt: minute(2) }], minute(2))
      yield* store.accept([newAlert("a2", "fa", deployment("a"), { startsAt: minute(4) })], minute(4))
      const found = yield* figures
      assert.deepStrictEqual(found.verdicts, { "not-fixed": 1 })
      assert.deepStrictEqual(found.alerts, { Received: 1, Remediated: 1 })
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("are the same after the archive has taken the rows, and equal what its files and the rows hold", () =>
    Effect.gen(function* () {
      const folder = yield* directory
      const before = yield* life(
        folder,
        40,
        Effect.gen(function* () {
          yield* remediated("old", 0)
          yield* notFixed("older", 0)
          yield* remediated("recent", 39 * day)
          return yield* figures
        })
      )
      const after = yield* life(
        folder,
        40,
        Effect.gen(function* () {
          const archive = yield* Archive
          const { remediations } = yield* archive.run(Duration.days(30))
          assert.strictEqual(remediations, 2)
          return yield* figures
        })
      )
      assert.deepStrictEqual(after, before)
      const archived = readdirSync(join(folder, "archive"))
        .filter((name) => name.startsWith("remediations-"))
        .flatMap((name) =>
          gunzipSync(readFileSync(join(folder, "archive", name)))
            .toString()
            .trimEnd()
            .split("\n")
        )
        .map((line) => (JSON.parse(line) as { readonly remediation: { readonly state: string } }).remediation.state)
      const left = yield* life(
        folder,
        40,
        Effect.flatMap(RemediationStore, (store) => store.list({ limit: 100 }))
      )
      const counted: Record<string, number> = {}
      for (const state of [...archived, ...left.items.map(({ state }) => state)])
        counted[state] = (counted[state] ?? 0) + 1
      assert.deepStrictEqual(counted, after.alerts)
      assert.deepStrictEqual(counted, { Escalated: 1, Remediated: 2 })
    })
  )
})
