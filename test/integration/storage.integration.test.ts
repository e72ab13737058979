/**
 * The database stops storing alerts, and the service says so: readiness, status and metrics. Without a spool, so that a
 * post that the database does not take is refused.
 */

import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Component } from "../../src/http/Responses.ts"
import { webhookAbout } from "../intake/webhooks.ts"
import { type Service, start, temporaryDirectory, until } from "./Service.ts"

const big = "x".repeat(8000)

let posts = 0

/** The status of a post with new alerts, each of which needs some pages. */
const post = (service: Service) =>
  Effect.suspend(() => {
    posts += 10
    const alerts = Array.from({ length: 10 }, (_, index) => ({
      alertname: "KubeDeploymentRolloutStuck",
      namespace: "shop",
      deployment: `d-${posts + index}`,
      severity: "info",
      big
    }))
    return Effect.map(service.send("/api/v1/alerts", { json: webhookAbout(alerts, posts) }), ({ status }) => status)
  })

const probe = (service: Service, path: string) => Effect.map(service.send(path), ({ status }) => status)

const storageOf = (service: Service) =>
  Effect.map(service.get<{ readonly components: ReadonlyArray<Component> }>("/api/v1/status"), ({ components }) =>
    components.find(({ name }) => name === "storage")
  )

const availability = (service: Service) =>
  Effect.map(service.metrics, (samples) => samples.get(`kubernaut_service_availability_ratio{service="storage"}`))

/** Ready when it stores, not ready when it does not, and alive all the time. */
const breaks = (service: Service, breakIt: Effect.Effect<void>, mendIt: Effect.Effect<void>) =>
  Effect.gen(function* () {
    assert.strictEqual(yield* post(service), 202)
    assert.strictEqual(yield* probe(service, "/readyz"), 200)
    yield* breakIt
    yield* until("a refused post", post(service), (status) => status === 503)
    for (let checks = 0; checks < 30; checks++) {
      assert.strictEqual(yield* probe(service, "/readyz"), 503)
      assert.strictEqual(yield* probe(service, "/healthz"), 503)
      assert.strictEqual(yield* probe(service, "/livez"), 200)
      yield* Effect.sleep("100 millis")
    }
    assert.deepInclude(yield* storageOf(service), { status: "down" })
    assert.isBelow((yield* availability(service)) ?? 1, 1)
    yield* mendIt
    yield* until("a ready service", probe(service, "/readyz"), (status) => status === 200)
    assert.strictEqual(yield* post(service), 202)
    assert.deepInclude(yield* storageOf(service), { status: "up" })
  })

/**
 * Limits the pages of the service's database while a file exists. SQLite itself refuses to grow, as it does when the
 * disk is full.
 */
const limiter = (switchFile: string) => `
  import { existsSync } from "node:fs"
  import { DatabaseSync } from "node:sqlite"
  const exec = DatabaseSync.prototype.exec
  const connections = new Set()
  DatabaseSync.prototype.exec = function (sql) {
    connections.add(this)
    return exec.call(this, sql)
  }
  let limited = false
  setInterval(() => {
    const now = existsSync(${JSON.stringify(switchFile)})
    if (now === limited) return
    limited = now
    for (const each of connections)
      if (each.isOpen) exec.call(each, "pragma max_page_count = " + (now ? 1 : 1000000))
  }, 20).unref()
`

describe("a database that stores nothing", () => {
  it.live("makes the service unready while it cannot grow, and ready when it can", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const full = join(directory, "full")
        writeFileSync(join(directory, "limiter.mjs"), limiter(full))
        const service = yield* start({
          KUBERNAUT_SPOOL: "off",
          NODE_OPTIONS: `--import ${join(directory, "limiter.mjs")}`
        })
        yield* breaks(
          service,
          Effect.sync(() => writeFileSync(full, "")),
          Effect.sync(() => rmSync(full))
        )
      })
    )
  )

  it.live("makes an idle service unready within seconds", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const full = join(directory, "full")
        writeFileSync(join(directory, "limiter.mjs"), limiter(full))
        const service = yield* start({
          KUBERNAUT_SPOOL: "off",
          NODE_OPTIONS: `--import ${join(directory, "limiter.mjs")}`
        })
        writeFileSync(full, "")
        yield* until("an unready service", probe(service, "/readyz"), (status) => status === 503)
      })
    )
  )

  it.live("makes the service unready while another process holds the lock", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const file = join(yield* temporaryDirectory, "kubernaut.db")
        const service = yield* start({ KUBERNAUT_SPOOL: "off", KUBERNAUT_DATABASE_URL: `sqlite:${file}` })
        // The service may be writing.
        const other = new DatabaseSync(file, { timeout: 10_000 })
        yield* breaks(
          service,
          Effect.sync(() => other.exec("begin immediate")),
          Effect.sync(() => other.exec("rollback"))
        )
        other.close()
      })
    )
  )

  it.live("acknowledges no alert while its file is deleted or replaced", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const file = join(directory, "kubernaut.db")
        const away = join(directory, "away")
        mkdirSync(away)
        const service = yield* start({ KUBERNAUT_SPOOL: "off", KUBERNAUT_DATABASE_URL: `sqlite:${file}` })
        const move = Effect.sync(() => renameSync(file, join(away, "kubernaut.db")))
        const back = Effect.sync(() => renameSync(join(away, "kubernaut.db"), file))
        yield* breaks(service, move, back)
        // Without it, another process would not see our locks.
        const index = `${file}-shm`
        yield* breaks(
          service,
          Effect.sync(() => renameSync(index, join(away, "index"))),
          Effect.sync(() => renameSync(join(away, "index"), index))
        )
        yield* breaks(
          service,
          Effect.andThen(
            move,
            Effect.sync(() => new DatabaseSync(file).close())
          ),
          Effect.andThen(
            Effect.sync(() => rmSync(file, { force: true })),
            back
          )
        )
      })
    )
  )
})
