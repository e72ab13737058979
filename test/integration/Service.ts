/**
 * The service process: `kubernaut serve`, called over real HTTP and observed by server-sent events.
 *
 * Nothing here sleeps. A test waits for a log line, an event or the exit of the process, up to its own timeout.
 */

import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Data, Deferred, Effect, Exit, Schedule, type Scope } from "effect"
import { isFinal, type RemediationState } from "../../src/domain/Remediation.ts"
import type { RemediationDetail } from "../../src/http/Responses.ts"

export type Environment = Readonly<Record<string, string>>

/** The exit code and output of a process. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

export interface Request {
  readonly method?: string
  /** Sent as JSON. */
  readonly json?: unknown
  /** Sent unchanged, as `application/json` unless `headers` set another type. */
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface ServerEvent {
  readonly event: string
  readonly data: Readonly<Record<string, unknown>>
}

export interface Service {
  readonly url: string
  readonly send: (path: string, request?: Request) => Effect.Effect<Answer>
  /** The JSON body. Fails unless the status is 200. */
  readonly get: <A>(path: string) => Effect.Effect<A>
  /** Posts a webhook and returns its results. Fails unless the status is 202. */
  readonly post: (webhook: unknown) => Effect.Effect<ReadonlyArray<Result>>
  readonly remediation: (id: string) => Effect.Effect<RemediationDetail>
  /** The remediation once it is final. */
  readonly ended: (id: string) => Effect.Effect<RemediationDetail>
  /** The remediation once it waits for a review. */
  readonly waiting: (id: string) => Effect.Effect<RemediationDetail>
  /** Every event since the service was ready. */
  readonly events: ReadonlyArray<ServerEvent>
  /** The first past or future event that matches. */
  readonly seen: (holds: (event: ServerEvent) => boolean) => Effect.Effect<ServerEvent>
  /** Samples of `/metrics` by name with labels. */
  readonly metrics: Effect.Effect<ReadonlyMap<string, number>>
  /** The output on standard error. */
  readonly log: () => string
  /** Sends SIGTERM and waits for the exit. */
  readonly stop: Effect.Effect<Ended>
  /** Sends SIGKILL, as `kill -9` does, and waits for the exit. */
  readonly kill: Effect.Effect<Ended>
}

export interface Result {
  readonly fingerprint: string
  readonly status: string
  readonly remediationId?: string
}

class NotYet extends Data.TaggedError("NotYet")<{ readonly what: string }> {}

const root = join(import.meta.dirname, "../..")

/** A webhook from `examples/alerts`. */
export const exampleAlert = (name: string): unknown =>
  JSON.parse(readFileSync(join(root, "examples/alerts", `${name}.json`), "utf8"))

/** A directory that is removed when the scope closes. */
export const temporaryDirectory: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-test-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** The environment without the settings of the shell that runs the tests. */
const environmentOf = (settings: Environment): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(KUBERNAUT_|OTEL_|KUBECONFIG$)/.test(name))),
  ...settings
})

interface Running {
  readonly child: ChildProcess
  readonly stdout: () => string
  readonly stderr: () => string
  readonly onLine: (listener: (line: string) => void) => void
}

// An aborted test run leaves no service behind.
const launched = new Set<ChildProcess>()
process.once("exit", () => launched.forEach((child) => child.kill("SIGKILL")))

const launch = (args: ReadonlyArray<string>, settings: Environment): Running => {
  const child = spawn(process.execPath, [join(root, "src/main.ts"), ...args], {
    env: environmentOf(settings),
    stdio: ["ignore", "pipe", "pipe"]
  })
  launched.add(child)
  child.once("close", () => launched.delete(child))
  let stdout = ""
  let stderr = ""
  let rest = ""
  const listeners: Array<(line: string) => void> = []
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text
    const lines = (rest + text).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) for (const listener of listeners) listener(line)
  })
  return { child, stdout: () => stdout, stderr: () => stderr, onLine: (listener) => listeners.push(listener) }
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null

const end = ({ child, stderr, stdout }: Running, signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Effect.Effect<Ended> =>
  Effect.promise(async () => {
    if (!hasEnded(child)) {
      const closed = once(child, "close")
      child.kill(signal)
      await closed
    }
    return { code: child.exitCode, stdout: stdout(), stderr: stderr() }
  })

/** Runs a command and waits for its exit. */
export const run = (args: ReadonlyArray<string>, settings: Environment = {}): Effect.Effect<Ended> =>
  Effect.acquireUseRelease(
    Effect.sync(() => launch(args, settings)),
    (running) =>
      Effect.promise(async () => {
        await once(running.child, "close")
        return { code: running.child.exitCode, stdout: running.stdout(), stderr: running.stderr() }
      }),
    (running) => Effect.sync(() => hasEnded(running.child) || running.child.kill("SIGKILL"))
  )

/** Parses one block of a stream of server-sent events. */
const parseEvent = (block: string): ServerEvent | undefined => {
  const field = (name: string) =>
    block
      .split("\n")
      .find((line) => line.startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim()
  const data = field("data")
  return data === undefined
    ? undefined
    : { event: field("event") ?? "message", data: JSON.parse(data) as ServerEvent["data"] }
}

interface Heard {
  readonly events: ReadonlyArray<ServerEvent>
  readonly seen: Service["seen"]
}

/** Subscribes to the events. Returns when the first event has arrived. */
const listen = Effect.fnUntraced(function* (url: string): Effect.fn.Return<Heard, never, Scope.Scope> {
  const events: Array<ServerEvent> = []
  const waiting = new Set<(event: ServerEvent) => void>()
  const began = yield* Deferred.make<void>()
  const seen: Service["seen"] = (holds) =>
    Effect.callback((resume) => {
      const past = events.find(holds)
      if (past !== undefined) return resume(Effect.succeed(past))
      const waiter = (event: ServerEvent) => {
        if (!holds(event)) return
        waiting.delete(waiter)
        resume(Effect.succeed(event))
      }
      waiting.add(waiter)
      return Effect.sync(() => waiting.delete(waiter))
    })
  const read = Effect.promise(async (signal) => {
    const response = await fetch(`${url}/api/v1/events`, { signal })
    const decoder = new TextDecoder()
    let rest = ""
    for await (const chunk of response.body ?? []) {
      const blocks = (rest + decoder.decode(chunk, { stream: true })).split("\n\n")
      rest = blocks.pop() ?? ""
      for (const event of blocks.map(parseEvent)) {
        if (event === undefined) continue
        events.push(event)
        for (const waiter of waiting) waiter(event)
        Deferred.doneUnsafe(began, Effect.void)
      }
    }
  })
  // A stream ends when its service stops. This is not a failure.
  yield* Effect.forkScoped(Effect.catchDefect(read, () => Effect.void))
  yield* Deferred.await(began)
  return { events, seen }
})

const sendTo =
  (url: string) =>
  (path: string, { body, headers, json, method }: Request = {}): Effect.Effect<Answer> =>
    Effect.promise(async (signal) => {
      const content = json === undefined ? body : JSON.stringify(json)
      const response = await fetch(url + path, {
        method: method ?? (content === undefined ? "GET" : "POST"),
        headers: { ...(content === undefined ? {} : { "content-type": "application/json" }), ...headers },
        ...(content === undefined ? {} : { body: content }),
        signal
      })
      return { status: response.status, headers: response.headers, text: await response.text() }
    })

const expectJson = (answer: Answer, status: number): unknown => {
  if (answer.status !== status)
    throw new Error(`expected ${status}, got ${answer.status}: ${answer.text.slice(0, 2000)}`)
  return JSON.parse(answer.text)
}

/** Parses lines of the form `name{labels} value`. */
const parseMetrics = (text: string): ReadonlyMap<string, number> =>
  new Map(
    text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => {
        const at = line.lastIndexOf(" ")
        return [line.slice(0, at), Number(line.slice(at + 1))] as const
      })
  )

/** Polls until the value matches. Use it where no event exists. */
export const until = <A>(what: string, poll: Effect.Effect<A>, holds: (value: A) => boolean): Effect.Effect<A> =>
  poll.pipe(
    Effect.filterOrFail(holds, () => new NotYet({ what })),
    Effect.retry(Schedule.spaced("100 millis")),
    Effect.orDie
  )

/** The URL in the log line with these words, which may have been written already. */
const urlAfter = (running: Running, words: string): Effect.Effect<string> =>
  Effect.callback((resume) => {
    const look = (line: string) => {
      const url = line.includes(words) ? /"url":"(http[^"]+)"/.exec(line)?.[1] : undefined
      if (url !== undefined) resume(Effect.succeed(url))
    }
    running.onLine(look)
    for (const line of running.stderr().split("\n")) look(line)
    running.child.once("close", (code) =>
      resume(Effect.die(new Error(`the service ended with ${code}:\n${running.stderr()}`)))
    )
  })

/** Prints the end of the log of a service whose test has failed or timed out: it says what the service waits for. */
const explain = (running: Running): Effect.Effect<void> =>
  Effect.sync(() => process.stderr.write(`The service's log ends with:\n${running.stderr().slice(-20_000)}\n`))

const launchService = Effect.fnUntraced(function* (
  settings: Environment
): Effect.fn.Return<Running, never, Scope.Scope> {
  const directory = yield* temporaryDirectory
  return yield* Effect.acquireRelease(
    Effect.sync(() =>
      launch(["serve"], {
        KUBERNAUT_PORT: "0",
        KUBERNAUT_DATABASE_URL: `sqlite:${join(directory, "kubernaut.db")}`,
        KUBERNAUT_LOG_FORMAT: "json",
        ...settings
      })
    ),
    (running, exit) => Effect.andThen(Exit.isSuccess(exit) ? Effect.void : explain(running), end(running))
  )
})

type Reached = Pick<Service, "get" | "kill" | "log" | "metrics" | "send" | "stop" | "url">

const reach = (running: Running, url: string): Reached => {
  const send = sendTo(url)
  return {
    url,
    send,
    get: <A>(path: string) => Effect.map(send(path), (answer) => expectJson(answer, 200) as A),
    metrics: Effect.map(send("/metrics"), ({ text }) => parseMetrics(text)),
    log: running.stderr,
    stop: end(running),
    kill: end(running, "SIGKILL")
  }
}

/** A service that waits for its database. */
export interface WaitingService extends Reached {
  /** The service when it has started. */
  readonly started: Effect.Effect<Service, never, Scope.Scope>
  /** Waits for the exit. */
  readonly ended: Effect.Effect<Ended>
}

/** Starts the service on a database that cannot be opened, and waits until it accepts alerts. */
export const startWaiting = Effect.fnUntraced(function* (
  settings: Environment
): Effect.fn.Return<WaitingService, never, Scope.Scope> {
  const running = yield* launchService(settings)
  const url = yield* urlAfter(running, "The database cannot be opened")
  return {
    ...reach(running, url),
    started: serviceOf(running),
    ended: Effect.callback((resume) => {
      const over = () =>
        resume(
          Effect.sync(() => ({ code: running.child.exitCode, stdout: running.stdout(), stderr: running.stderr() }))
        )
      if (hasEnded(running.child)) over()
      else running.child.once("close", over)
    })
  }
})

/** Starts the service on a free port with a new database, and waits until it is ready. It stops when the scope closes. */
export const start = (settings: Environment = {}): Effect.Effect<Service, never, Scope.Scope> =>
  Effect.flatMap(launchService(settings), serviceOf)

/** The service when it is ready. */
const serviceOf = Effect.fnUntraced(function* (running: Running): Effect.fn.Return<Service, never, Scope.Scope> {
  const url = yield* urlAfter(running, "Kubernaut is ready")
  const reached = reach(running, url)
  const { get, send } = reached
  const heard = yield* listen(url)
  const remediation = (id: string) => get<RemediationDetail>(`/api/v1/remediations/${id}`)
  const once = (id: string, holds: (state: RemediationState) => boolean) =>
    Effect.gen(function* () {
      const now = yield* remediation(id)
      if (holds(now.state)) return now
      yield* heard.seen(
        ({ data, event }) => event === "remediation" && data["id"] === id && holds(data["state"] as RemediationState)
      )
      return yield* remediation(id)
    })
  return {
    ...reached,
    post: (body) =>
      Effect.map(
        send("/api/v1/alerts", { json: body }),
        (answer) => (expectJson(answer, 202) as { readonly results: ReadonlyArray<Result> }).results
      ),
    remediation,
    ended: (id) => once(id, isFinal),
    waiting: (id) => once(id, (state) => state === "AwaitingReview"),
    events: heard.events,
    seen: heard.seen
  }
})
