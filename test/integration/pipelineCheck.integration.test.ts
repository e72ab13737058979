/** A running service sends a synthetic alert the whole way, and nobody notices. */

import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as HttpPeer from "../peers/HttpPeer.ts"
import { type Service, start, temporaryDirectory, until } from "./Service.ts"

interface Status {
  readonly health: ReadonlyArray<{ readonly name: string; readonly status: string; readonly message?: string }>
}

const receiver: HttpPeer.Protocol = { reply: () => ({ status: 200, body: "ok" }), error: () => "no" }

const pipeline = (service: Service) =>
  Effect.map(service.get<Status>("/api/v1/status"), ({ health }) => health.find(({ name }) => name === "pipeline"))

describe("the synthetic alert of a running service", () => {
  it.live(
    "ends in time, appears nowhere, and says that it is not stored while another process locks the database",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const file = join(yield* temporaryDirectory, "kubernaut.db")
          const hook = yield* HttpPeer.make(receiver)
          const service = yield* start({
            KUBERNAUT_DATABASE_URL: `sqlite:${file}`,
            KUBERNAUT_PIPELINE_CHECK: "10 seconds",
            KUBERNAUT_MODE: "auto",
            KUBERNAUT_NOTIFICATION_SINKS: JSON.stringify([{ name: "hook", kind: "webhook", url: hook.url }])
          })
          const well = yield* until("a first journey", pipeline(service), (found) => found?.status === "healthy")
          assert.match(well?.message ?? "", /accepted, journaled, investigated by the rules and decided in \d+ ms/)
          yield* Effect.sleep("12 seconds")
          const { remediations } = yield* service.get<{ readonly remediations: ReadonlyArray<unknown> }>(
            "/api/v1/remediations"
          )
          const { events } = yield* service.get<{ readonly events: ReadonlyArray<{ readonly kind: string }> }>(
            "/api/v1/audit?limit=100"
          )
          assert.deepStrictEqual(remediations, [])
          assert.deepStrictEqual(
            events.map(({ kind }) => kind).filter((kind) => kind.startsWith("remediation.")),
            []
          )
          const metrics = yield* service.metrics
          assert.strictEqual(metrics.get(`kubernaut_alerts_received_total{status="accepted"}`), 0)
          assert.deepStrictEqual(
            hook.calls.filter(({ method }) => method === "POST"),
            []
          )
          assert.notInclude(service.log(), "KubernautPipelineCheck")

          const other = new DatabaseSync(file, { timeout: 10_000 })
          other.exec("begin immediate")
          const stuck = yield* until("it is stuck", pipeline(service), (found) => found?.status === "unhealthy")
          assert.match(stuck?.message ?? "", /^a synthetic alert is not stored: /)
          other.exec("rollback")
          other.close()
          yield* until("it is well again", pipeline(service), (found) => found?.status === "healthy")
        })
      ),
    120_000
  )
})
