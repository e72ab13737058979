/**
 * How long a decision takes while AI services fail.
 *
 * | variant            | measured                                                          | against            |
 * | ------------------ | ----------------------------------------------------------------- | ------------------ |
 * | `holmesgpt-silent` | an investigation, if HolmesGPT takes the request and says nothing | the goal of 12 s   |
 * | `llm-silent`       | the same for the first of two language models                     | the goal of 12 s   |
 * | `hop-breaker-open` | what a HolmesGPT whose circuit is open adds to an investigation   | the goal of 1 ms   |
 * | `all-ai-down-p99`  | from an alert to its decision by the rules, on the sandbox        | the goal of 100 ms |
 * | `all-ai-down-cpu`  | the CPU time of that, from alert to conclusion                    | the goal of 100 ms |
 * | `all-ai-down-p50`  | the median of the same                                            | the goal of 100 ms |
 *
 * The silent peers are real servers. The one that answers does it at once, in this process. With all AI down, HolmesGPT
 * and a language model refuse connections, and their circuits are open: the service has a database on disk, with
 * `synchronous=FULL`. On a busy machine only the CPU time is meaningful there.
 */

import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer, type Server } from "node:net"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeHttpClient } from "@effect/platform-node"
import { Deferred, Effect, Layer, Logger } from "effect"
import { make as makeChain } from "../../src/investigation/InvestigationChain.ts"
import type { Investigator } from "../../src/investigation/Investigator.ts"
import * as HolmesGptInvestigator from "../../src/investigation/models/HolmesGptInvestigator.ts"
import * as LlmInvestigator from "../../src/investigation/models/LlmInvestigator.ts"
import * as OpenAiLanguageModel from "../../src/investigation/models/providers/OpenAiLanguageModel.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { RemediationEvents } from "../../src/remediation/RemediationEvents.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { webhookAbout } from "../intake/webhooks.ts"
import { evidence, request } from "../investigation/fixtures/Requests.ts"
import { measure, type Result } from "./harness.ts"

const goals = { silentS: 12, hopUs: 1000, rulesP99Ms: 100 }
const silentTurns = 3
const alerts = 300

const answering: Investigator = {
  name: "llm",
  provider: "answering",
  investigate: ({ target: { kind, name, namespace } }) =>
    Effect.succeed({
      investigator: "llm",
      provider: "answering",
      rootCause: "benchmark",
      evidence: [],
      action: { type: "RestartWorkload", target: { namespace, kind, name } },
      confidence: 0.8
    })
}

const given = request({ evidence: evidence() })

/** Log lines are made, and written nowhere. */
const quiet = Logger.layer([Logger.make((entry) => void Logger.formatJson.log(entry))])

const holmesAt = (url: string) => HolmesGptInvestigator.make({ url })

const llmAt = (url: string) =>
  LlmInvestigator.make({ provider: "first" }).pipe(
    Effect.provide(OpenAiLanguageModel.layer({ url: `${url}/v1`, model: "m" }))
  )

/** Takes connections and requests, and says nothing. */
const silentServer = async (): Promise<{ readonly server: Server; readonly url: string }> => {
  const server = createServer((socket) => void socket.on("error", () => undefined).resume())
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const percentile = (values: ReadonlyArray<number>, share: number): number =>
  values.toSorted((left, right) => left - right)[Math.ceil(values.length * share) - 1] ?? Number.NaN

/** The seconds of one investigation whose first tier is silent. */
const silentSeconds = (first: Effect.Effect<Investigator, never, never>) =>
  Effect.gen(function* () {
    const chain = yield* makeChain({ investigators: [yield* first, answering] })
    const startedMs = performance.now()
    const { hops } = yield* chain.investigate(given)
    if (hops[0]?.reason !== "silent" || hops[1]?.outcome !== "answered")
      return yield* Effect.die(new Error(`not silent: ${JSON.stringify(hops)}`))
    return (performance.now() - startedMs) / 1000
  })

const silent = async () => {
  const { server, url } = await silentServer()
  const seconds: Array<readonly [holmes: number, llm: number]> = []
  const both = Effect.gen(function* () {
    const client = yield* Effect.context<Effect.Services<ReturnType<typeof holmesAt>>>()
    return yield* Effect.all([silentSeconds(Effect.provideContext(holmesAt(url), client)), silentSeconds(llmAt(url))], {
      concurrency: 2
    })
  }).pipe(Effect.provide([NodeHttpClient.layerUndici, quiet]))
  for (let turn = 0; turn < silentTurns; turn++) seconds.push(await Effect.runPromise(both))
  server.close()
  return {
    holmes: percentile(
      seconds.map(([holmes]) => holmes),
      0.5
    ),
    llm: percentile(
      seconds.map(([, llm]) => llm),
      0.5
    )
  }
}

/** The nanoseconds of an investigation with and without a HolmesGPT whose circuit is open. */
const hop = async () => {
  const made = Effect.gen(function* () {
    const unasked: Investigator = { name: "holmesgpt", needsEvidence: true, investigate: () => Effect.die("asked") }
    const open = yield* makeChain({
      investigators: [unasked, answering],
      pipeline: () => ({ circuitBreaker: { openDuration: "1 hour" } })
    })
    yield* open.tiers[0]!.circuitBreaker!.trip("benchmark")
    return { open, without: yield* makeChain({ investigators: [answering] }) }
  })
  const { open, without } = await Effect.runPromise(made)
  const calls = (chain: typeof open) => (count: number) =>
    Effect.runPromise(
      Effect.provide(
        Effect.gen(function* () {
          for (let call = 0; call < count; call++) yield* chain.investigate(given)
        }),
        quiet
      )
    )
  return measure({ open: calls(open), without: calls(without) }, { calls: 1000, turns: 15 })
}

const refused = "http://127.0.0.1:1"

const service = (filename: string) =>
  Kubernaut.layer({
    cluster: "bench",
    mode: "observe",
    investigators: Effect.all([holmesAt(refused), llmAt(refused)]),
    intake: { rateLimit: { perSecond: 1_000_000, burst: 1_000_000 } }
  }).pipe(
    Layer.provideMerge(Layer.mergeAll(Sandbox.layer(), Storage.layerSqlite({ filename }), NodeHttpClient.layerUndici)),
    Layer.provide(quiet)
  )

/** Posts an alert, and returns the milliseconds until its decision. */
const decided = Effect.fnUntraced(function* (number: number) {
  const kubernaut = yield* Kubernaut.Kubernaut
  const hub = yield* RemediationEvents
  const done = yield* Deferred.make<string>()
  yield* hub.listen(({ event, remediation }) => {
    if (event !== "Decided") return
    const [holmes, llm, rules] = remediation.hops ?? []
    Deferred.doneUnsafe(done, Effect.succeed([holmes?.reason, llm?.reason, rules?.investigator].join()))
  })
  const labels = { alertname: "KubePodCrashLooping", namespace: "shop", deployment: "checkout" }
  const startedMs = performance.now()
  const [result] = (yield* kubernaut.receive(webhookAbout([labels], number))).results
  const hops = yield* Deferred.await(done)
  const durationMs = performance.now() - startedMs
  yield* kubernaut.settled(result?.remediationId ?? (yield* Effect.die("the alert was not accepted")))
  return { durationMs, hops }
}, Effect.scoped)

const byRules = (filename: string) =>
  Effect.gen(function* () {
    // Five attempts at each open the circuits.
    yield* decided(1)
    const durations: Array<number> = []
    const before = process.cpuUsage()
    for (let number = 2; number < alerts + 2; number++) {
      const { durationMs, hops } = yield* decided(number)
      if (hops !== "circuit-open,circuit-open,rules") return yield* Effect.die(new Error(`not open: ${hops}`))
      durations.push(durationMs)
    }
    const { system, user } = process.cpuUsage(before)
    return {
      cpuMs: (user + system) / 1000 / alerts,
      p50: percentile(durations, 0.5),
      p99: percentile(durations, 0.99)
    }
  }).pipe(Effect.provide(service(filename)))

const result = (variant: string, unit: string, value: number, goal: number): Result => ({
  benchmark: "decision",
  variant,
  unit,
  median: Number(value.toPrecision(4)),
  ratio: Number((value / goal).toPrecision(3)),
  against: `goal of ${goal} ${unit}`
})

export async function* run(): AsyncGenerator<Result> {
  const { open, without } = await hop()
  yield result("hop-breaker-open", "µs", (open - without) / 1000, goals.hopUs)
  const directory = mkdtempSync(join(tmpdir(), "kubernaut-benchmark-"))
  try {
    const { cpuMs, p50, p99 } = await Effect.runPromise(byRules(join(directory, "k.db")))
    yield result("all-ai-down-cpu", "ms", cpuMs, goals.rulesP99Ms)
    yield result("all-ai-down-p50", "ms", p50, goals.rulesP99Ms)
    yield result("all-ai-down-p99", "ms", p99, goals.rulesP99Ms)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
  const { holmes, llm } = await silent()
  yield result("holmesgpt-silent", "s", holmes, goals.silentS)
  yield result("llm-silent", "s", llm, goals.silentS)
}
