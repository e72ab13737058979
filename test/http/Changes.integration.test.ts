import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { call, running } from "./runningService.ts"

const tokens = [
  { name: "grace", role: "viewer", token: Redacted.make("a-token-of-grace-0123456789") },
  { name: "prometheus", role: "source", token: Redacted.make("a-token-of-prometheus-0123456789") }
] as const

const bearing = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

describe("GET /api/v1/changes of a running service", () => {
  it.live("lists changes and gaps for a viewer, and for nobody else", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const port = yield* running({ environment: { KUBERNAUT_CHANGES: "on" }, tokens })
        const path = "/api/v1/changes?since=10m&target=shop/Deployment/checkout"
        assert.strictEqual((yield* call(port, path)).status, 401)
        assert.strictEqual((yield* call(port, path, bearing("a-token-of-prometheus-0123456789"))).status, 403)
        const found = yield* call(port, path, bearing("a-token-of-grace-0123456789"))
        assert.strictEqual(found.status, 200)
        const { changes, gaps, target, watched } = JSON.parse(found.text)
        assert.deepStrictEqual(changes, [])
        // The service has just started, so it has not seen the last ten minutes.
        assert.strictEqual(watched, "partly")
        assert.isAbove(gaps.length, 0)
        assert.strictEqual(target.exists, "yes")
      })
    )
  )

  it.live("is a problem that names the setting where changes are not recorded, and one that names a wrong field", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const off = yield* call(yield* running({ environment: { KUBERNAUT_CHANGES: "off" } }), "/api/v1/changes")
        assert.strictEqual(off.status, 404)
        assert.include(String(off.headers["content-type"]), "application/problem+json")
        assert.include(off.text, "KUBERNAUT_CHANGES=on")
        const on = yield* running({ environment: { KUBERNAUT_CHANGES: "on" } })
        for (const [query, right] of [
          ["since=yesterday", "query since"],
          ["limit=0", "from 1 to 200"],
          ["target=checkout", "namespace/Kind/name"],
          ["kind=Pod", "query kind"]
        ] as const) {
          const wrong = yield* call(on, `/api/v1/changes?${query}`)
          assert.strictEqual(wrong.status, 400, query)
          assert.include(wrong.text, right)
        }
      })
    )
  )
})
