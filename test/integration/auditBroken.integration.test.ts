/** A change of the audit log is an emergency until an operator has acknowledged it, over real HTTP. */

import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type Service, start, temporaryDirectory, until } from "./Service.ts"

interface Status {
  readonly level: number
  readonly reasons: ReadonlyArray<string>
  readonly health: ReadonlyArray<{ readonly name: string; readonly status: string; readonly message?: string }>
}

const levelOf = (service: Service) => Effect.map(service.get<Status>("/api/v1/status"), ({ level }) => level)

const chainOf = (service: Service) =>
  Effect.map(service.get<Status>("/api/v1/status"), ({ health }) => health.find(({ name }) => name === "audit-chain"))

/** Changes one line, as somebody with access to the file would. */
const tamper = (file: string, sequence: number) =>
  Effect.sync(() => {
    const database = new DatabaseSync(file)
    database.exec("drop trigger if exists audit_no_update")
    database.exec(`update audit set actor = 'mallory' where sequence = ${sequence}`)
    database.close()
  })

const order = (service: Service, reason: string) =>
  Effect.andThen(
    service.send("/api/v1/emergency-stop", { method: "PUT", json: { reason } }),
    service.send("/api/v1/emergency-stop", { method: "DELETE", json: { reason } })
  )

describe("a line of the audit log that was changed", () => {
  it.live(
    "is an emergency until it is acknowledged, also after kill -9, and the next one is an emergency again",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const file = join(yield* temporaryDirectory, "kubernaut.db")
          const settings = { KUBERNAUT_DATABASE_URL: `sqlite:${file}` }
          const first = yield* start(settings)
          yield* order(first, "a drill")
          yield* order(first, "another drill")
          yield* first.stop
          yield* tamper(file, 1)

          const second = yield* start(settings)
          yield* until("an emergency", levelOf(second), (level) => level === 3)
          const ended = yield* second.send("/api/v1/emergency", {
            method: "DELETE",
            json: { reason: "a repaired disk" }
          })
          assert.strictEqual(ended.status, 200)
          assert.strictEqual(yield* levelOf(second), 0)
          const { events } = yield* second.get<{
            readonly events: ReadonlyArray<{ kind: string; actor: string; data: { readonly reason?: string } }>
          }>("/api/v1/audit?limit=1000")
          for (const kind of ["audit.acknowledged", "emergency.dismissed"])
            assert.deepStrictEqual(
              events.filter((event) => event.kind === kind).map(({ actor, data }) => [actor, data.reason]),
              [["anonymous", "a repaired disk"]],
              kind
            )
          yield* second.kill

          const third = yield* start(settings)
          const chain = yield* until("a check of the chain", chainOf(third), (found) => found?.status !== "unknown")
          assert.include(chain?.message, "broken at line 1, which an operator has acknowledged")
          assert.strictEqual(yield* levelOf(third), 0)
          yield* third.stop
          yield* tamper(file, 3)

          const fourth = yield* start(settings)
          yield* until("an emergency", levelOf(fourth), (level) => level === 3)
          assert.match(
            (yield* fourth.get<Status>("/api/v1/status")).reasons.join(";"),
            /the audit log is broken at line 3/
          )
        })
      ),
    // Four processes start one after another.
    180_000
  )
})
