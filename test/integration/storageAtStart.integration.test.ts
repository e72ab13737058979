/** The service starts while its database cannot be opened, and accepts alerts until it can be. */

import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs"
import { dirname, join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Component } from "../../src/http/Responses.ts"
import { webhookAbout } from "../intake/webhooks.ts"
import * as HttpPeer from "../peers/HttpPeer.ts"
import { type Service, start, startWaiting, temporaryDirectory, until, type WaitingService } from "./Service.ts"

interface Status {
  readonly level: number
  readonly reasons: ReadonlyArray<string>
  readonly components: ReadonlyArray<Component>
}

type Reached = Pick<Service, "get" | "send">

/** Posts one alert about a Deployment of this name, and returns the status and whether it was spooled. */
const post = (service: Reached, name: string, number: number) =>
  Effect.map(
    service.send("/api/v1/alerts", {
      json: webhookAbout([{ alertname: "Unknown", namespace: "shop", deployment: name, severity: "warning" }], number)
    }),
    ({ headers, status, text }) => ({
      status,
      retryAfter: headers.get("retry-after"),
      spooled: status === 202 && text.includes(`"spooled":true`)
    })
  )

const componentOf = (service: Reached, name: string) =>
  Effect.map(service.get<Status>("/api/v1/status"), ({ components }) => components.find((each) => each.name === name))

/** What is on disk about the notices of a wait. */
const noticed = (folder: string) =>
  Effect.sync(() =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".notice.json"))
      .map((name) => readFileSync(join(folder, name), "utf8"))
  )

const probe = (service: Reached, path: string) => Effect.map(service.send(path), ({ status }) => status)

const drained = (service: Reached) =>
  until("an empty spool", componentOf(service, "spool"), (component) => component?.status === "up")

/** The names of the Deployments with a remediation, in the order in which the database took their alerts. */
const stored = (service: Reached) =>
  Effect.map(
    service.get<{ readonly remediations: ReadonlyArray<{ readonly id: string; readonly target: { name: string } }> }>(
      "/api/v1/remediations?limit=200"
    ),
    ({ remediations }) => remediations.toReversed().map(({ id, target }) => ({ id, name: target.name }))
  )

/** A database with its tables, which another process has locked. */
const locked = Effect.fnUntraced(function* (file: string) {
  const before = yield* start({ KUBERNAUT_DATABASE_URL: `sqlite:${file}` })
  assert.strictEqual((yield* post(before, "before", 1)).status, 202)
  yield* before.stop
  const other = new DatabaseSync(file, { timeout: 10_000 })
  // Readers pass a lock for writing only.
  other.exec("pragma locking_mode = exclusive; begin immediate")
  /** `change`: what the other process commits. */
  const release = (change = "") =>
    Effect.sync(() => {
      other.exec(`${change}; commit`)
      other.close()
    })
  return { release }
})

const names = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `d-${from + index}`)

const postAll = (service: WaitingService, wanted: ReadonlyArray<string>) =>
  Effect.forEach(
    wanted,
    (name) =>
      Effect.map(post(service, name, 10 + Number(name.slice(2))), ({ spooled, status }) =>
        assert.deepStrictEqual([status, spooled], [202, true])
      ),
    { discard: true }
  )

// Processes start one after another, and a busy machine takes its time for each.
describe("a service whose database another process has locked at the start", () => {
  it.live(
    "accepts alerts, survives a kill, and works on all of them in order once the lock is released",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const file = join(yield* temporaryDirectory, "kubernaut.db")
          const lock = yield* locked(file)
          const first = yield* startWaiting({ KUBERNAUT_DATABASE_URL: `sqlite:${file}` })
          yield* postAll(first, names(0, 10))
          yield* first.kill

          const second = yield* startWaiting({ KUBERNAUT_DATABASE_URL: `sqlite:${file}` })
          yield* postAll(second, names(10, 20))
          yield* lock.release()
          const service = yield* second.started
          assert.strictEqual(service.url, second.url)
          yield* drained(service)
          const remediations = yield* stored(service)
          assert.deepStrictEqual(
            remediations.map(({ name }) => name),
            ["before", ...names(0, 20)]
          )
          for (const { id } of remediations) yield* service.ended(id)
          assert.isFalse((yield* post(service, "after", 99)).spooled)
        })
      ),
    180_000
  )

  it.live(
    "says so in its status, health, metrics and problems, and is alive and ready",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const file = join(yield* temporaryDirectory, "kubernaut.db")
          const lock = yield* locked(file)
          const waiting = yield* startWaiting({ KUBERNAUT_DATABASE_URL: `sqlite:${file}` })
          yield* postAll(waiting, names(0, 2))
          assert.deepStrictEqual([yield* probe(waiting, "/livez"), yield* probe(waiting, "/readyz")], [200, 200])
          const status = yield* waiting.get<Status>("/api/v1/status")
          assert.strictEqual(status.level, 3)
          assert.match(status.reasons[0] ?? "", /the database cannot be opened, so nothing is worked on: .*busy/)
          assert.deepStrictEqual(
            status.components.map(({ name, status }) => [name, status]),
            [
              ["storage", "down"],
              ["spool", "degraded"]
            ]
          )
          const metrics = yield* waiting.metrics
          assert.deepStrictEqual(
            ["kubernaut_storage_up", "kubernaut_degradation_level", "kubernaut_spool_alerts"].map((name) =>
              metrics.get(name)
            ),
            [0, 3, 2]
          )
          assert.strictEqual(metrics.get(`kubernaut_alerts_received_total{status="spooled"}`), 2)
          const stop = yield* waiting.send("/api/v1/emergency-stop", { method: "PUT", json: { reason: "drill" } })
          assert.strictEqual(stop.status, 503)
          assert.match(stop.headers.get("retry-after") ?? "", /^\d+$/)
          assert.match(stop.text, /no action can start.*The order was not stored/)
          assert.strictEqual(yield* probe(waiting, "/api/v1/remediations"), 503)
          assert.strictEqual(yield* probe(waiting, "/api/v1/nowhere"), 404)
          yield* lock.release()
          const service = yield* waiting.started
          const after = yield* service.metrics
          assert.strictEqual(after.get("kubernaut_storage_up"), 1)
          assert.strictEqual(yield* probe(service, "/api/v1/remediations"), 200)
        })
      ),
    180_000
  )

  it.live(
    "tells people that it waits, once across a kill, and that it is over",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const file = join(yield* temporaryDirectory, "kubernaut.db")
          const hook = yield* HttpPeer.make({ reply: () => ({ status: 200, body: "ok" }), error: () => "no" })
          const settings = {
            KUBERNAUT_DATABASE_URL: `sqlite:${file}`,
            KUBERNAUT_NOTIFICATION_SINKS: JSON.stringify([{ name: "hook", kind: "webhook", url: hook.url }])
          }
          const kinds = Effect.sync(() =>
            hook.calls
              .filter(({ method }) => method === "POST")
              .flatMap(({ body }) => (JSON.parse(body) as { notifications: Array<{ kind: string }> }).notifications)
              .map(({ kind }) => kind)
          )
          const lock = yield* locked(file)
          const first = yield* startWaiting(settings)
          yield* until("people are told", kinds, (told) => told.length > 0)
          // A kill before that is on disk lets the next process tell it again, under the same key.
          yield* until("it is on disk that they are told", noticed(dirname(file)), (notices) =>
            notices.some((notice) => notice.includes(`"told":["hook"]`))
          )
          yield* first.kill
          const second = yield* startWaiting(settings)
          yield* Effect.sleep("13 seconds")
          assert.deepStrictEqual(yield* kinds, ["storage-down"])
          yield* lock.release()
          const service = yield* second.started
          yield* until("people are told that it is over", kinds, (told) => told.length > 1)
          assert.deepStrictEqual(yield* kinds, ["storage-down", "storage-up"])
          const { events } = yield* service.get<{ readonly events: ReadonlyArray<{ readonly kind: string }> }>(
            "/api/v1/audit?limit=1000"
          )
          assert.deepStrictEqual(
            events.map(({ kind }) => kind).filter((kind) => kind.startsWith("storage.")),
            ["storage.down", "storage.up"]
          )
        })
      ),
    180_000
  )

  it.live(
    "refuses alerts with Retry-After, and is not ready, where it has no spool",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const file = join(yield* temporaryDirectory, "kubernaut.db")
          const lock = yield* locked(file)
          const waiting = yield* startWaiting({ KUBERNAUT_DATABASE_URL: `sqlite:${file}`, KUBERNAUT_SPOOL: "off" })
          const refused = yield* post(waiting, "d-0", 10)
          assert.strictEqual(refused.status, 503)
          assert.match(refused.retryAfter ?? "", /^\d+$/)
          assert.deepStrictEqual([yield* probe(waiting, "/livez"), yield* probe(waiting, "/readyz")], [200, 503])
          yield* lock.release()
          assert.strictEqual((yield* post(yield* waiting.started, "d-0", 10)).status, 202)
        })
      ),
    180_000
  )

  it.live(
    "refuses no connection while the whole service takes over",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const file = join(yield* temporaryDirectory, "kubernaut.db")
          const lock = yield* locked(file)
          const waiting = yield* startWaiting({ KUBERNAUT_DATABASE_URL: `sqlite:${file}` })
          const statuses: Array<number> = []
          // Fails when a connection is refused.
          const asking = yield* Effect.forkScoped(
            Effect.forever(Effect.map(probe(waiting, "/api/v1/status"), (status) => statuses.push(status)))
          )
          yield* lock.release()
          const service = yield* waiting.started
          assert.strictEqual(yield* probe(service, "/livez"), 200)
          assert.isUndefined(asking.pollUnsafe())
          assert.deepStrictEqual([...new Set(statuses)], [200])
        })
      ),
    180_000
  )

  it.live(
    "stops with a message when another cluster or another program turns out to own the database",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const file = join(yield* temporaryDirectory, "kubernaut.db")
          const lock = yield* locked(file)
          const waiting = yield* startWaiting({ KUBERNAUT_DATABASE_URL: `sqlite:${file}` })
          yield* postAll(waiting, names(0, 1))
          yield* lock.release("update cluster_identity set uid = 'another'")
          const { code, stderr } = yield* waiting.ended
          assert.strictEqual(code, 78)
          assert.include(stderr, "The database belongs to another cluster")

          const foreign = join(yield* temporaryDirectory, "kubernaut.db")
          const other = new DatabaseSync(foreign)
          other.exec("create table invoices (id integer); begin exclusive")
          const second = yield* startWaiting({ KUBERNAUT_DATABASE_URL: `sqlite:${foreign}` })
          other.exec("rollback")
          other.close()
          const ended = yield* second.ended
          assert.strictEqual(ended.code, 69)
          assert.include(ended.stderr, "belongs to another program")
        })
      ),
    180_000
  )
})

describe("a service whose volume is not there at the start", () => {
  it.live(
    "waits for it, and keeps alerts in a spool on another volume",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const directory = yield* temporaryDirectory
          const volume = join(directory, "volume")
          symlinkSync(join(directory, "mounted"), volume)
          const file = join(volume, "data", "kubernaut.db")
          const waiting = yield* startWaiting({
            KUBERNAUT_DATABASE_URL: `sqlite:${file}`,
            KUBERNAUT_SPOOL_DIRECTORY: join(directory, "spool")
          })
          yield* postAll(waiting, names(0, 3))
          mkdirSync(join(directory, "mounted"))
          const service = yield* waiting.started
          yield* drained(service)
          assert.deepStrictEqual(
            (yield* stored(service)).map(({ name }) => name),
            names(0, 3)
          )
          assert.isTrue(existsSync(file))
        })
      ),
    180_000
  )
})
