/** The service of the demo: a separate process, used over HTTP. */

import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Deferred, Effect, type Scope, Stream } from "effect"

export interface ServerEvent {
  readonly event: string
  readonly data: { readonly [field: string]: unknown }
}

export interface Hop {
  readonly investigator: string
  readonly provider?: string
  readonly outcome: string
  readonly reason?: string
  readonly attempts: number
  readonly durationMs: number
}

export interface Remediation {
  readonly id: string
  readonly state: string
  readonly hops: ReadonlyArray<Hop>
  readonly traceId?: string
  readonly conclusion?: string
}

// The service runs from this commit, so its responses match its OpenAPI document and are not validated.
const fetchJson = <A>(url: string, init?: RequestInit): Effect.Effect<A> =>
  Effect.promise((signal) => fetch(url, { ...init, signal }).then((response) => response.json() as Promise<A>))

/** Parses a block of `id`, `event` and `data` lines. An empty line ends each block. */
const parse = (block: string): ReadonlyArray<ServerEvent> => {
  const field = (name: string) =>
    block
      .split("\n")
      .find((line) => line.startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim()
  const data = field("data")
  return data === undefined ? [] : [{ event: field("event") ?? "message", data: JSON.parse(data) }]
}

const eventsOf = (url: string): Stream.Stream<ServerEvent> =>
  Stream.unwrap(
    Effect.promise((signal) => fetch(`${url}/api/v1/events`, { signal })).pipe(
      Effect.map((response) =>
        Stream.fromReadableStream({
          evaluate: () => response.body as ReadableStream<Uint8Array>,
          onError: (error) => error
        }).pipe(
          Stream.orDie,
          Stream.decodeText(),
          Stream.splitLines,
          Stream.mapAccum(
            () => "",
            (block: string, line) =>
              line === "" ? (["", parse(block)] as const) : ([`${block}${line}\n`, []] as const)
          )
        )
      )
    )
  )

export interface FiringAlert {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly fingerprint: string
}

/** The payload that Alertmanager would send for an alert. */
const webhook = ({ fingerprint, labels, name }: FiringAlert) => ({
  version: "4",
  groupKey: "{}",
  status: "firing",
  receiver: "kubernaut",
  groupLabels: {},
  commonLabels: {},
  commonAnnotations: {},
  externalURL: "",
  alerts: [
    {
      status: "firing",
      labels: { alertname: name, severity: "warning", ...labels },
      annotations: {},
      startsAt: "2026-11-24T03:00:00Z",
      endsAt: "0001-01-01T00:00:00Z",
      generatorURL: "",
      fingerprint
    }
  ]
})

/** Starts `kubernaut serve` on a free port and waits until it is ready. The scope stops it. */
export const start = Effect.fnUntraced(function* (settings: Readonly<Record<string, string>>): Effect.fn.Return<
  {
    readonly url: string
    readonly events: Stream.Stream<ServerEvent>
    /** Posts an alert and returns the id of its remediation. */
    readonly post: (alert: FiringAlert) => Effect.Effect<string>
    readonly get: (id: string) => Effect.Effect<Remediation>
  },
  never,
  Scope.Scope
> {
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-demo-"))),
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
  )
  const ready = yield* Deferred.make<string>()
  const child = spawn(process.execPath, ["src/main.ts", "serve"], {
    env: {
      ...process.env,
      KUBERNAUT_PORT: "0",
      KUBERNAUT_DATABASE_URL: `sqlite:${join(directory, "demo.db")}`,
      KUBERNAUT_LOG_FORMAT: "json",
      ...settings
    },
    stdio: ["ignore", "inherit", "pipe"]
  })
  let log = ""
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text
    const url = /"url":"(http[^"]+)"/.exec(log)?.[1]
    if (url !== undefined) Deferred.doneUnsafe(ready, Effect.succeed(url))
  })
  child.once("exit", (code) =>
    Deferred.doneUnsafe(ready, Effect.die(new Error(`the service exited with ${code}\n${log}`)))
  )
  yield* Effect.addFinalizer(() =>
    Effect.callback<void>((resume) => {
      child.once("exit", () => resume(Effect.void))
      if (!child.kill("SIGTERM")) resume(Effect.void)
    })
  )
  const url = yield* Deferred.await(ready)
  return {
    url,
    events: eventsOf(url),
    post: (alert) =>
      Effect.map(
        fetchJson<{ readonly results: ReadonlyArray<{ readonly remediationId: string }> }>(`${url}/api/v1/alerts`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(webhook(alert))
        }),
        (body) => body.results[0]?.remediationId ?? ""
      ),
    get: (id) => fetchJson(`${url}/api/v1/remediations/${id}`)
  }
})
