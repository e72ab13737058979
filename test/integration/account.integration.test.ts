/** An account without money, through the service process and over real HTTP: what operators see, and after kill -9. */

import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { make as makeLlmPeer } from "../peers/LlmPeer.ts"
import { exampleAlert, type Service, start, temporaryDirectory } from "./Service.ts"

interface Status {
  readonly level: number
  readonly reasons: ReadonlyArray<string>
  readonly components: ReadonlyArray<{
    readonly name: string
    readonly status: string
    readonly breaker?: { readonly state: string; readonly reason?: string; readonly retryAfterMs?: number }
  }>
}

const statusOf = (service: Service) =>
  Effect.map(service.get<Status>("/api/v1/status"), ({ components, reasons }) => ({
    reasons,
    model: components.find(({ name }) => name === "llm:main")
  }))

const firstHop = (service: Service, alert: string) =>
  Effect.gen(function* () {
    const [posted] = yield* service.post(exampleAlert(alert))
    const { hops } = yield* service.ended(posted!.remediationId!)
    return `${hops[0]?.outcome} ${hops[0]?.reason}`
  })

const auditKinds = (service: Service) =>
  Effect.map(
    service.get<{ readonly events: ReadonlyArray<{ readonly kind: string; readonly data: object }> }>(
      "/api/v1/audit?limit=1000"
    ),
    ({ events }) => events.filter(({ kind }) => kind.startsWith("account."))
  )

describe("an account without money", () => {
  it.live(
    "costs one call, is shown to operators, is known after kill -9, and is asked again when an operator says so",
    () =>
      Effect.gen(function* () {
        const llm = yield* makeLlmPeer({ kind: "openai" })
        yield* llm.setMode({ _tag: "Status", status: 402 })
        const asked = () => llm.calls.filter(({ method }) => method === "POST").length
        const directory = yield* temporaryDirectory
        const settings = {
          KUBERNAUT_DATABASE_URL: `sqlite:${join(directory, "kubernaut.db")}`,
          KUBERNAUT_LLM_PROVIDERS: JSON.stringify([
            { name: "main", kind: "openai", url: `${llm.url}/v1`, model: "m", key: "sk-SECRET" }
          ])
        }
        const suspended = `kubernaut_service_suspended{service="llm:main",reason="out-of-money"}`
        const first = yield* start(settings)
        assert.strictEqual(yield* firstHop(first, "crash-loop"), "failed quota-exhausted")
        const { model, reasons } = yield* statusOf(first)
        assert.deepInclude(model, { status: "down" })
        assert.deepInclude(model?.breaker, { state: "suspended", reason: "out-of-money" })
        assert.include(reasons, "llm:main is suspended: out-of-money")
        assert.strictEqual((yield* first.metrics).get(suspended), 1)
        while ((yield* auditKinds(first)).length === 0) yield* Effect.sleep("20 millis")
        yield* first.kill

        const second = yield* start(settings)
        const after = (yield* statusOf(second)).model?.breaker
        assert.deepInclude(after, { state: "suspended", reason: "out-of-money" })
        assert.isBelow(after?.retryAfterMs ?? Infinity, 60_000)
        assert.strictEqual((yield* second.metrics).get(suspended), 1)
        assert.strictEqual(yield* firstHop(second, "oom"), "skipped out-of-money")
        assert.strictEqual(asked(), 1)

        yield* llm.setMode({ _tag: "Ok" })
        const ended = yield* second.send("/api/v1/breakers/llm%3Amain", {
          method: "PUT",
          json: { mode: "auto", reason: "paid" }
        })
        assert.strictEqual(ended.status, 200)
        while ((yield* statusOf(second)).model?.breaker?.state !== "closed") yield* Effect.sleep("50 millis")
        assert.strictEqual((yield* second.metrics).get(suspended), 0)
        while ((yield* auditKinds(second)).length < 2) yield* Effect.sleep("20 millis")
        const lines = yield* auditKinds(second)
        assert.deepStrictEqual(
          lines.map(({ kind }) => kind),
          ["account.suspended", "account.resumed"]
        )
        assert.notInclude(JSON.stringify(lines), "SECRET")
      }).pipe(Effect.scoped),
    180_000
  )
})
