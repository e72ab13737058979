/** The emergency stop, through the service process and over real HTTP. */

import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { AuditEvent } from "../../src/domain/AuditEvent.ts"
import { exampleAlert, run, type Service, start, temporaryDirectory, until } from "./Service.ts"

interface Status {
  readonly emergencyStop?: { readonly by: string; readonly reason?: string; readonly since: string }
}

const statusOf = (service: Service) => service.get<Status>("/api/v1/status")
const gaugeOf = (service: Service) => Effect.map(service.metrics, (samples) => samples.get("kubernaut_emergency_stop"))

/** The remediation of the crash loop, from a post now. */
const crashLoop = Effect.fnUntraced(function* (service: Service) {
  const [result] = yield* service.post(exampleAlert("crash-loop"))
  return { status: result?.status, remediation: yield* service.ended(result!.remediationId!) }
})

describe("the emergency stop", () => {
  it.live(
    "keeps actions from starting, also after kill -9, until it is lifted; then the alert that it held back is acted on",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const directory = yield* temporaryDirectory
          const settings = { KUBERNAUT_DATABASE_URL: `sqlite:${join(directory, "kubernaut.db")}` }
          const first = yield* start(settings)
          assert.strictEqual(yield* gaugeOf(first), 0)
          const set = yield* first.send("/api/v1/emergency-stop", { method: "PUT" })
          assert.strictEqual(set.status, 200, set.text)
          assert.strictEqual(yield* gaugeOf(first), 1)
          const held = yield* crashLoop(first)
          assert.strictEqual(held.remediation.state, "Escalated")
          assert.deepStrictEqual(
            held.remediation.decision?.reasons.map(({ rule }) => rule),
            ["emergency-stop"]
          )
          yield* first.kill

          const second = yield* start(settings)
          const { emergencyStop } = yield* statusOf(second)
          assert.deepInclude(emergencyStop, { by: "anonymous" })
          assert.deepInclude(yield* crashLoop(second), { status: "duplicate" })
          const lifted = yield* run(["emergency-stop", "lift", "--reason", "understood", "--url", second.url])
          assert.strictEqual(lifted.code, 0, lifted.stderr)
          assert.match(lifted.stdout, /It was set by anonymous at /)
          assert.isUndefined((yield* statusOf(second)).emergencyStop)

          const again = yield* crashLoop(second)
          assert.strictEqual(again.status, "accepted")
          assert.strictEqual(again.remediation.state, "Remediated")
          const { events } = yield* second.get<{ readonly events: ReadonlyArray<AuditEvent> }>(
            "/api/v1/audit?limit=1000"
          )
          assert.deepStrictEqual(
            events
              .filter(({ subject }) => subject === "emergency-stop")
              .map(({ data, kind }) => [kind, data["reason"]]),
            [
              ["emergency-stop.set", undefined],
              ["emergency-stop.lifted", "understood"]
            ]
          )
        })
      ),
    180_000
  )

  it.live(
    "is no emergency: that is level 3, in which an alert is stored and escalated without an investigation, also after kill -9",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const directory = yield* temporaryDirectory
          const settings = { KUBERNAUT_DATABASE_URL: `sqlite:${join(directory, "kubernaut.db")}` }
          const levelOf = (service: Service) =>
            Effect.map(service.get<{ readonly level: number }>("/api/v1/status"), ({ level }) => level)
          const first = yield* start(settings)
          const declared = yield* first.send("/api/v1/emergency", { method: "PUT", json: { reason: "a breach" } })
          assert.strictEqual(declared.status, 200, declared.text)
          assert.strictEqual(yield* levelOf(first), 3)
          yield* first.kill
          const second = yield* start(settings)
          assert.strictEqual(yield* levelOf(second), 3)
          const held = yield* crashLoop(second)
          assert.strictEqual(held.remediation.state, "Escalated")
          assert.deepStrictEqual(held.remediation.hops, [])
          assert.match(held.remediation.conclusion ?? "", /nothing was investigated/)
          assert.deepInclude(yield* crashLoop(second), { status: "duplicate" })
          const ended = yield* run(["emergency", "lift", "--url", second.url])
          assert.match(ended.stdout, /The emergency is over\. It was set by anonymous at /)
          assert.strictEqual(yield* levelOf(second), 0)
          const { handedOverTo } = yield* until(
            "the alert to be taken up, although nobody has sent it again",
            second.remediation(held.remediation.id),
            (remediation) => remediation.handedOverTo !== undefined
          )
          assert.strictEqual((yield* second.ended(handedOverTo!)).state, "Remediated")
          assert.deepInclude(yield* crashLoop(second), { status: "duplicate" })
        })
      ),
    180_000
  )

  it.live("refuses a body that is no order, and names the field", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const service = yield* start()
        const refused = yield* service.send("/api/v1/emergency-stop", { method: "PUT", json: { reason: "" } })
        assert.strictEqual(refused.status, 400)
        assert.include(refused.text, "reason")
        assert.isUndefined((yield* statusOf(service)).emergencyStop)
      })
    )
  )
})
