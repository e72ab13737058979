/** Alerts are accepted while the database stores nothing, and are worked on when it is back. */

import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import type { Component } from "../../src/http/Responses.ts"
import { webhookAbout } from "../intake/webhooks.ts"
import { type Service, start, temporaryDirectory, until } from "./Service.ts"

interface Result {
  readonly fingerprint: string
  readonly status: string
  readonly spooled?: boolean
  readonly remediationId?: string
}

interface Posted {
  readonly status: number
  readonly retryAfter: string | null
  readonly results: ReadonlyArray<Result>
  /** What the response says, which for a refusal is its reason. */
  readonly text: string
}

/** Posts one alert about a Deployment of this name. */
const post = (service: Service, name: string, number: number, text = ""): Effect.Effect<Posted> =>
  Effect.map(
    service.send("/api/v1/alerts", {
      json: webhookAbout(
        [{ alertname: "Unknown", namespace: "shop", deployment: name, severity: "warning", text }],
        number
      )
    }),
    ({ headers, status, text }) => ({
      status,
      retryAfter: headers.get("retry-after"),
      results: status === 202 ? (JSON.parse(text) as { readonly results: ReadonlyArray<Result> }).results : [],
      text
    })
  )

const componentOf = (service: Service, name: string) =>
  Effect.map(service.get<{ readonly components: ReadonlyArray<Component> }>("/api/v1/status"), ({ components }) =>
    components.find((component) => component.name === name)
  )

const probe = (service: Service, path: string) => Effect.map(service.send(path), ({ status }) => status)

/** The names of the Deployments with a remediation, in the order in which the database took their alerts. */
const stored = (service: Service) =>
  Effect.map(
    service.get<{ readonly remediations: ReadonlyArray<{ readonly target: { readonly name: string } }> }>(
      "/api/v1/remediations?limit=200"
    ),
    ({ remediations }) => remediations.map(({ target }) => target.name).toReversed()
  )

const auditKinds = (service: Service) =>
  Effect.map(
    service.get<{ readonly events: ReadonlyArray<{ readonly kind: string }> }>("/api/v1/audit?limit=1000"),
    ({ events }) => events.map(({ kind }) => kind)
  )

const drained = (service: Service) =>
  until("an empty spool", componentOf(service, "spool"), (component) => component?.status === "up")

/** A file system of its own, which a test can fill; or why this machine cannot mount one. */
const smallDisk = (megabytes: number): Effect.Effect<string, string, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      const directory = mkdtempSync(join(tmpdir(), "kubernaut-disk-"))
      try {
        execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=0700`, "tmpfs", directory], {
          stdio: "pipe"
        })
        return Effect.succeed(directory)
      } catch (cause) {
        rmSync(directory, { recursive: true, force: true })
        return Effect.fail(`this machine cannot mount a tmpfs: ${cause instanceof Error ? cause.message : "refused"}`)
      }
    }),
    (directory) =>
      Effect.sync(() => {
        execFileSync("umount", [directory])
        rmSync(directory, { recursive: true, force: true })
      })
  )

/** Fills the disk to the last byte. */
const fill = (directory: string): string => {
  const path = join(directory, "filler")
  let content = Buffer.alloc(0)
  for (let bytes = 1024 * 1024; bytes >= 512; bytes /= 2) {
    for (;;) {
      const next = Buffer.alloc(content.length + bytes)
      try {
        writeFileSync(path, next)
        content = next
      } catch {
        writeFileSync(path, content)
        break
      }
    }
  }
  try {
    writeFileSync(path, Buffer.alloc(content.length + 512))
  } catch {
    // It is full, and the file has what fits.
  }
  return path
}

describe("alerts while another process holds the lock of the database", () => {
  it.live("are accepted, survive a kill, and are stored in order when it is released", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const file = join(yield* temporaryDirectory, "kubernaut.db")
        const settings = { KUBERNAUT_DATABASE_URL: `sqlite:${file}` }
        const first = yield* start(settings)
        assert.isUndefined((yield* post(first, "before", 1)).results[0]!.spooled)
        // The service may be writing.
        const other = new DatabaseSync(file, { timeout: 10_000 })
        other.exec("begin immediate")
        const names = Array.from({ length: 20 }, (_, index) => `d-${index}`)
        for (const [index, name] of names.entries()) {
          const { results, status } = yield* post(first, name, index + 10)
          assert.strictEqual(status, 202)
          assert.deepInclude(results[0], { status: "accepted", spooled: true })
          assert.isUndefined(results[0]!.remediationId)
        }
        // Alerts can be stored durably, so the service is ready; what is wrong is in its status.
        assert.strictEqual(yield* probe(first, "/readyz"), 200)
        assert.strictEqual((yield* componentOf(first, "storage"))?.status, "down")
        const waiting = yield* componentOf(first, "spool")
        assert.strictEqual(waiting?.status, "degraded")
        assert.include(waiting?.message, "20 alerts in 20 posts wait for the database since ")
        yield* first.kill
        other.exec("rollback")
        other.close()
        const second = yield* start(settings)
        yield* drained(second)
        assert.deepStrictEqual(yield* stored(second), ["before", ...names])
        assert.deepStrictEqual(
          (yield* auditKinds(second)).filter((kind) => kind.startsWith("spool.")),
          ["spool.replay-began", "spool.replayed"]
        )
        assert.isUndefined((yield* post(second, "after", 99)).results[0]!.spooled)
      })
    )
  )
})

describe("two services with their databases in one directory", () => {
  it.live(
    "do not replay what the other has accepted before it was killed",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const directory = yield* temporaryDirectory
          const settings = (name: string) => ({ KUBERNAUT_DATABASE_URL: `sqlite:${join(directory, name)}` })
          const first = yield* start(settings("one.db"))
          const lock = new DatabaseSync(join(directory, "one.db"), { timeout: 10_000 })
          lock.exec("begin immediate")
          assert.isTrue((yield* post(first, "accepted-by-one", 1)).results[0]!.spooled)
          yield* first.kill
          lock.exec("rollback")
          lock.close()

          const other = yield* start(settings("other.db"))
          assert.isUndefined((yield* post(other, "accepted-by-other", 2)).results[0]!.spooled)
          assert.strictEqual((yield* componentOf(other, "spool"))?.status, "up")
          const again = yield* start(settings("one.db"))
          yield* drained(again)
          assert.deepStrictEqual(yield* stored(again), ["accepted-by-one"])
          assert.deepStrictEqual(yield* stored(other), ["accepted-by-other"])
        })
      ),
    120_000
  )
})

describe("a service whose database was replaced while alerts waited", () => {
  it.live(
    "leaves them alone and says so, until an operator says that they are its own",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const directory = yield* temporaryDirectory
          const file = join(directory, "kubernaut.db")
          const settings = { KUBERNAUT_DATABASE_URL: `sqlite:${file}` }
          const first = yield* start(settings)
          yield* drained(first)
          const lock = new DatabaseSync(file, { timeout: 10_000 })
          lock.exec("begin immediate")
          assert.isTrue((yield* post(first, "old", 1)).results[0]!.spooled)
          yield* first.kill
          lock.exec("rollback")
          lock.close()
          for (const end of ["", "-wal", "-shm"]) rmSync(`${file}${end}`, { force: true })

          const second = yield* start(settings)
          const spool = yield* until(
            "the spool is refused",
            componentOf(second, "spool"),
            (it) => it?.status === "down"
          )
          assert.include(spool?.message, "belongs to another database")
          assert.isUndefined((yield* post(second, "new", 2)).results[0]!.spooled)
          assert.deepStrictEqual(yield* stored(second), ["new"])
          const owner = /remove (\S+owner\.json)/.exec(spool?.message ?? "")?.[1] ?? ""
          rmSync(owner)
          yield* drained(second)
          assert.deepStrictEqual(yield* stored(second), ["new", "old"])
        })
      ),
    120_000
  )
})

describe("alerts while the disk of the database is full", () => {
  it.live(
    "are accepted into the space that the spool has reserved, refused beyond it, and none that was accepted is lost",
    (test) =>
      Effect.scoped(
        Effect.gen(function* () {
          const disk = yield* Effect.result(smallDisk(24))
          if (disk._tag === "Failure") return test.skip(disk.failure)
          const directory = disk.success
          const service = yield* start({
            KUBERNAUT_DATABASE_URL: `sqlite:${join(directory, "kubernaut.db")}`,
            KUBERNAUT_SPOOL_MAX_SIZE: "262144"
          })
          assert.strictEqual((yield* post(service, "before", 1)).status, 202)
          const filler = fill(directory)
          const accepted: Array<string> = []
          const spooled: Array<string> = []
          let refused: Posted | undefined
          const text = "x".repeat(8000)
          for (let number = 0; refused === undefined && number < 200; number++) {
            const posted = yield* post(service, `d-${number}`, number + 10, text)
            if (posted.status === 202) accepted.push(`d-${number}`)
            else refused = posted
            if (posted.results[0]?.spooled === true) spooled.push(`d-${number}`)
          }
          const spool = yield* componentOf(service, "spool")
          const found = `after ${accepted.length} posts, ${spooled.length} of them spooled: ${refused?.status} ${refused?.text}; the spool is ${spool?.status}: ${spool?.message}; ${service.log()}`
          assert.isDefined(refused, found)
          assert.deepInclude(refused, { status: 503 }, found)
          // The space that is reserved is used up. A disk that is too slow for a post would be another reason.
          assert.include(refused.text, "disk", found)
          assert.isAtLeast(spooled.length, 20, found)
          assert.match(refused.retryAfter ?? "", /^\d+$/, found)
          assert.strictEqual(yield* probe(service, "/livez"), 200)
          rmSync(filler)
          yield* drained(service)
          assert.deepStrictEqual(yield* stored(service), ["before", ...accepted])
          assert.isUndefined((yield* post(service, "after", 999)).results[0]!.spooled)
        })
      )
  )
})
