/**
 * The outage demo: a real service with three peers that fail and recover. Exits with 1 if an investigator other than
 * the expected one answered an alert.
 */

import { Console, Deferred, Effect, Fiber, Stream } from "effect"
import * as HolmesGptPeer from "../../test/peers/HolmesGptPeer.ts"
import * as LlmPeer from "../../test/peers/LlmPeer.ts"
import { type Hop, type Remediation, type ServerEvent, start } from "./Service.ts"

const startedMs = performance.now()
const say = (text: string) =>
  Console.log(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(6)} s  ${text}`)

const levelNames = ["full", "reduced AI", "rule-based", "emergency"]

const hopText = ({ attempts, durationMs, investigator, outcome, provider, reason }: Hop): string => {
  const who = provider === undefined ? investigator : `${investigator}:${provider}`
  const how = outcome === "answered" ? "answered" : `${outcome} (${reason})`
  return `${who} ${how}${attempts > 1 ? ` after ${attempts} attempts` : ""}${attempts > 0 && durationMs >= 1 ? `, ${Math.round(durationMs)} ms` : ""}`
}

/** Prints breaker and level events. */
const narrate = ({ data, event }: ServerEvent): Effect.Effect<void> => {
  switch (event) {
    case "breaker":
      return say(`    breaker ${data["breaker"]}: ${data["from"]} -> ${data["to"]} (${data["cause"]})`)
    case "level":
      return say(
        `    LEVEL ${data["level"]} ${levelNames[Number(data["level"])]}${(data["reasons"] as Array<string>).map((reason) => `; ${reason}`).join("")}`
      )
    default:
      return Effect.void
  }
}

const final = new Set(["Remediated", "RolledBack", "Escalated", "Observed", "Cancelled", "Joined", "AwaitingReview"])

/** Prints the events of the service, and waits for remediations and levels. */
const watch = Effect.fnUntraced(function* (events: Stream.Stream<ServerEvent>) {
  const deferreds = new Map<string, Deferred.Deferred<void>>()
  const level = { now: 0, waiting: new Map<number, Deferred.Deferred<void>>() }
  const settledOf = (id: string) => {
    const known = deferreds.get(id) ?? Deferred.makeUnsafe<void>()
    deferreds.set(id, known)
    return known
  }
  const listening = yield* Deferred.make<void>()
  const listener = yield* events.pipe(
    Stream.runForEach((event) =>
      Effect.gen(function* () {
        if (event.event === "ping") yield* Deferred.succeed(listening, undefined)
        if (event.event === "remediation" && final.has(String(event.data["state"])))
          Deferred.doneUnsafe(settledOf(String(event.data["id"])), Effect.void)
        if (event.event === "level") {
          level.now = Number(event.data["level"])
          Deferred.doneUnsafe(level.waiting.get(level.now) ?? Deferred.makeUnsafe<void>(), Effect.void)
        }
        yield* narrate(event)
      })
    ),
    Effect.forkScoped
  )
  yield* Deferred.await(listening)

  const reached = (wanted: number) =>
    Effect.suspend(() => {
      if (level.now === wanted) return Effect.void
      const waiter = Deferred.makeUnsafe<void>()
      level.waiting.set(wanted, waiter)
      return Deferred.await(waiter)
    })
  return { listener, reached, settled: (id: string) => Deferred.await(settledOf(id)) }
})

const story = Effect.gen(function* () {
  const holmes = yield* HolmesGptPeer.make()
  const alpha = yield* LlmPeer.make({ kind: "openai" })
  const beta = yield* LlmPeer.make({ kind: "anthropic" })
  const service = yield* start({
    KUBERNAUT_HOLMESGPT_URL: holmes.url,
    KUBERNAUT_LLM_PROVIDERS: JSON.stringify([
      { name: "alpha", kind: "openai", url: `${alpha.url}/v1`, model: "gpt-4o", key: "demo" },
      { name: "beta", kind: "anthropic", url: beta.url, model: "claude", key: "demo" }
    ])
  })
  yield* say(
    `Kubernaut listens on ${service.url}; HolmesGPT on ${holmes.url}, LLMs alpha on ${alpha.url} and beta on ${beta.url}.`
  )

  const { listener, reached, settled } = yield* watch(service.events)

  const problems: Array<string> = []
  let alerts = 0
  const alert = Effect.fnUntraced(function* (deployment: string, expected: string) {
    alerts += 1
    yield* say(`  alert ${alerts}: KubeDeploymentRolloutStuck for shop/${deployment}`)
    const id = yield* service.post({
      name: "KubeDeploymentRolloutStuck",
      labels: { namespace: "shop", deployment },
      fingerprint: alerts.toString(16).padStart(16, "0")
    })
    yield* settled(id)
    const remediation: Remediation = yield* service.get(id)
    for (const hop of remediation.hops) yield* say(`    hop ${hopText(hop)}`)
    yield* say(`    ${remediation.state}: ${remediation.conclusion ?? ""} [trace ${remediation.traceId}]`)
    const answered = remediation.hops.find((hop) => hop.outcome === "answered")
    const by = answered === undefined ? "none" : (answered.provider ?? answered.investigator)
    if (by !== expected) problems.push(`alert ${alerts} was investigated by ${by}, not by ${expected}`)
  })

  yield* say("All peers are up.")
  yield* alert("checkout", "holmesgpt")
  yield* say("HolmesGPT goes down.")
  yield* holmes.setMode({ _tag: "Down" })
  yield* alert("cart", "alpha")
  yield* alert("search", "alpha")
  yield* say("LLM alpha goes down too.")
  yield* alpha.setMode({ _tag: "Down" })
  yield* alert("catalog", "beta")
  yield* say("LLM beta responds with 503: no AI is available.")
  yield* beta.setMode({ _tag: "Status", status: 503 })
  yield* alert("cart", "rules")
  yield* reached(2)
  yield* say("All three recover. Breakers stay open for 30 s and then probe.")
  yield* Effect.forEach([holmes, alpha, beta], (peer) => peer.setMode({ _tag: "Ok" }))
  yield* reached(0)
  yield* alert("search", "holmesgpt")
  yield* Fiber.interrupt(listener)
  for (const problem of problems) yield* say(`UNEXPECTED: ${problem}`)
  yield* say(
    problems.length === 0
      ? `${alerts} alerts, each investigated by the best available investigator.`
      : `${problems.length} of ${alerts} alerts were not investigated as expected.`
  )
  return problems.length
})

process.exitCode = await Effect.runPromise(Effect.scoped(Effect.map(story, (problems) => (problems === 0 ? 0 : 1))))
