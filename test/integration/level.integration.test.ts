/** The degradation level, through the service process and over real HTTP: what works at each, and after kill -9. */

import { join } from "node:path"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { capabilities, type DegradationLevel } from "../../src/domain/DegradationLevel.ts"
import { make as makeHolmesGptPeer } from "../peers/HolmesGptPeer.ts"
import { make as makeLlmPeer } from "../peers/LlmPeer.ts"
import { exampleAlert, type Service, start, temporaryDirectory } from "./Service.ts"

interface Status {
  readonly level: DegradationLevel
  readonly reasons: ReadonlyArray<string>
  readonly capabilities: object
  readonly health: ReadonlyArray<{ readonly name: string; readonly status: string }>
}

const statusOf = (service: Service) => service.get<Status>("/api/v1/status")

const put = (service: Service, path: string, body?: object) =>
  service.send(path, {
    method: "PUT",
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } })
  })

const isolate = (service: Service, name: string) =>
  put(service, `/api/v1/breakers/${encodeURIComponent(name)}`, { mode: "isolated", for: "1 hour", reason: "a test" })

/** What an operator does to bring the service to a level. */
const reach: Readonly<Record<DegradationLevel, (service: Service) => Effect.Effect<void>>> = {
  0: () => Effect.void,
  1: (service) => Effect.asVoid(isolate(service, "holmesgpt")),
  2: (service) => Effect.asVoid(Effect.all([isolate(service, "holmesgpt"), isolate(service, "llm:main")])),
  3: (service) => Effect.asVoid(put(service, "/api/v1/emergency", { reason: "a test" }))
}

const until = Effect.fnUntraced(function* (service: Service, level: DegradationLevel) {
  while ((yield* statusOf(service)).level !== level) yield* Effect.sleep("20 millis")
})

/** Who was asked, in order, at each level. */
const asked: Readonly<Record<DegradationLevel, ReadonlyArray<string>>> = {
  0: ["holmesgpt answered"],
  1: ["holmesgpt skipped", "llm answered"],
  2: ["holmesgpt skipped", "llm skipped", "rules answered"],
  3: []
}

describe("the degradation level", () => {
  it.live.each([0, 1, 2, 3] as const)(
    "at level %i the figure of the requirements holds, essential services work, and kill -9 does not change it",
    (level) =>
      Effect.gen(function* () {
        const holmes = yield* makeHolmesGptPeer()
        const llm = yield* makeLlmPeer({ kind: "openai" })
        const directory = yield* temporaryDirectory
        const settings = {
          KUBERNAUT_DATABASE_URL: `sqlite:${join(directory, "kubernaut.db")}`,
          KUBERNAUT_HOLMESGPT_URL: holmes.url,
          KUBERNAUT_LLM_PROVIDERS: JSON.stringify([
            { name: "main", kind: "openai", url: `${llm.url}/v1`, model: "m", key: "k" }
          ])
        }
        const service = yield* start(settings)
        yield* reach[level](service)
        yield* until(service, level)
        assert.deepStrictEqual((yield* statusOf(service)).capabilities, capabilities(level))

        // Intake, manual interfaces, health, metrics and the audit log.
        const posted = (yield* service.post(exampleAlert("crash-loop")))[0]!
        assert.strictEqual(posted.status, "accepted")
        const { decision, hops, state } = yield* service.ended(posted.remediationId!)
        assert.deepStrictEqual(
          hops.map(({ investigator, outcome }) => `${investigator} ${outcome}`),
          asked[level]
        )
        if (level === 3) {
          assert.strictEqual(state, "Escalated")
          assert.strictEqual(decision?.reasons[0]?.rule, "emergency-level")
        }
        for (const path of [
          "/livez",
          "/readyz",
          "/metrics",
          "/api/v1/reviews",
          "/api/v1/remediations",
          "/api/v1/audit"
        ])
          assert.strictEqual((yield* service.send(path)).status, 200, path)
        assert.strictEqual((yield* service.metrics).get("kubernaut_degradation_level"), level)
        assert.strictEqual((yield* put(service, "/api/v1/emergency-stop")).status, 200)
        assert.strictEqual((yield* service.send("/api/v1/emergency-stop", { method: "DELETE" })).status, 200)
        const { events } = yield* service.get<{
          readonly events: ReadonlyArray<{ readonly kind: string; readonly data: { readonly to?: number } }>
        }>("/api/v1/audit?limit=1000")
        const changes = events.filter(({ kind }) => kind === "level.changed").map(({ data }) => data.to)
        assert.strictEqual(changes.at(-1) ?? 0, level)
        yield* service.kill

        const second = yield* start(settings)
        const status = yield* statusOf(second)
        assert.strictEqual(status.level, level, status.reasons.join("; "))
      }).pipe(Effect.scoped, Effect.provide(NodeHttpClient.layerUndici)),
    180_000
  )
})
