/**
 * One trace tells a whole remediation, as its reader sees it: exported by the service process, and read back from the
 * API of a real Jaeger.
 */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as HolmesGptPeer from "../peers/HolmesGptPeer.ts"
import type { HttpPeer } from "../peers/HttpPeer.ts"
import * as LlmPeer from "../peers/LlmPeer.ts"
import * as RealJaeger from "./RealJaeger.ts"
import * as Service from "./Service.ts"

const jaeger = await RealJaeger.program()

const keys = { holmesgpt: "holmes-key-4711", llm: "llm-key-4711" }

/** What the peers' errors say, beside the keys, that nobody may read in a trace. */
const internals = ["org-SECRET", "sk-internal", "sk-proj", "Traceback", "/app/holmes"]

/**
 * The most spans of a remediation with these peers, beside reads that failed or took a second: 16 for its steps and
 * their parts, a hop for each of three tiers, and two for each of at most eleven attempts, the attempt and its
 * request.
 */
const mostSpans = 16 + 3 + 2 * 11

/** Those reads: the machine of a test may be busy. */
const mostReads = 10

/** Of a million tokens. The answer of the peer takes 1,320 tokens of input and 96 of output. */
const price = { input: 2.5, output: 10 }
const ofAnswer = {
  "kubernaut.spend.input_tokens": 1320,
  "kubernaut.spend.output_tokens": 96,
  "kubernaut.spend.cost": 0.00426,
  "kubernaut.spend.currency": "USD"
}

/** Runs the alert of a bad rollout after these peers have begun to fail, and returns its trace. */
const remediate = Effect.fnUntraced(function* (holmesgpt: HttpPeer, llm: HttpPeer, fail: Effect.Effect<void>) {
  const receiver = yield* RealJaeger.start(jaeger.path ?? "")
  const service = yield* Service.start({
    KUBERNAUT_HOLMESGPT_URL: holmesgpt.url,
    KUBERNAUT_HOLMESGPT_API_KEY: keys.holmesgpt,
    KUBERNAUT_LLM_PROVIDERS: JSON.stringify([
      { name: "first", kind: "openai", url: `${llm.url}/v1`, model: "gpt-4o", key: keys.llm, price }
    ]),
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.otlp,
    OTEL_BSP_SCHEDULE_DELAY: "50"
  })
  yield* fail
  const [result] = yield* service.post(Service.exampleAlert("crash-loop"))
  const remediation = yield* service.ended(result!.remediationId!)
  assert.strictEqual(remediation.state, "Remediated")
  return yield* receiver.trace(remediation.traceId!, "remediation")
})

const names = (spans: ReadonlyArray<RealJaeger.Span>): ReadonlyArray<string> => spans.map(({ name }) => name)

const child = (parent: RealJaeger.Span, name: string): RealJaeger.Span => {
  const found = parent.children.filter((span) => span.name === name)
  assert.strictEqual(found.length, 1, `${parent.name} has one ${name}, of ${names(parent.children).join(", ")}`)
  return found[0]!
}

const within = (span: RealJaeger.Span): ReadonlyArray<RealJaeger.Span> => [span, ...span.children.flatMap(within)]

/** `1 closed Unavailable` for each attempt: its number, the breaker's state before it, and its error. */
const attemptsOf = (hop: RealJaeger.Span): ReadonlyArray<string> =>
  hop.children
    .filter(({ name }) => name === "attempt")
    .map(({ tags }) =>
      [tags["retry.attempt"], tags["circuitbreaker.state"], tags["error.type"]].filter(Boolean).join(" ")
    )

/** Five failures open the circuit. Some of them may be probes of the same time, so fewer attempts are right too. */
const assertRetried = (hop: RealJaeger.Span): void => {
  const attempts = Number(hop.tags["kubernaut.hop.attempts"])
  assert.isAtLeast(attempts, 2)
  assert.deepStrictEqual(
    attemptsOf(hop),
    Array.from({ length: attempts }, (_, index) => `${index + 1} closed Unavailable`)
  )
}

/** The requests to the cluster that have a span. */
const requests = (step: RealJaeger.Span) => {
  const all = within(step).flatMap(({ tags }) => tags["kubernaut.request"] ?? [])
  const isRead = (request: unknown) => /^(get|list|review|logs) /.test(String(request))
  return { reads: all.filter(isRead), writes: all.filter((request) => !isRead(request)) }
}

/** Checks the parts of a trace that do not depend on the tier that answered, and that it holds no secret. */
const checkWhole = (trace: RealJaeger.Trace): RealJaeger.Span => {
  assert.strictEqual(trace.service, "kubernaut")
  assert.deepStrictEqual(names(trace.roots), ["remediation"])
  assert.strictEqual(RealJaeger.reachable(trace), trace.size, "every span has its parent in the trace")
  const [root] = trace.roots
  // Beside a read that took a second.
  const steps = root!.children.filter(({ name }) => name !== "attempt")
  assert.deepStrictEqual(names(steps), ["suspects", "investigate", "decide", "plan", "execute", "verify"])
  assert.deepInclude(root!.tags, {
    "kubernaut.alert.name": "KubeDeploymentRolloutStuck",
    "kubernaut.target": "sandbox/shop/Deployment/checkout",
    "kubernaut.remediation.state": "Remediated"
  })
  for (const span of within(root!))
    for (const part of span.children)
      assert.isAtLeast(part.startUs, span.startUs, `${part.name} begins within ${span.name}`)

  const [, , decide, plan, execute, verify] = steps
  assert.deepInclude(decide!.tags, {
    "kubernaut.decision.outcome": "execute",
    "kubernaut.action.type": "RollbackDeployment"
  })
  assert.include(requests(plan!).writes, "patch Deployment shop/checkout", "the dry run")
  assert.deepInclude(execute!.tags, { "kubernaut.execution.applied": "yes" })
  assert.deepStrictEqual(requests(execute!).writes, ["patch Deployment shop/checkout"], "the write")
  assert.deepInclude(verify!.tags, { "kubernaut.verification.verdict": "fixed" })

  // The verification reads for ten seconds, and none of it needs the attention of a reader.
  const reads = child(verify!, "Verifier.verify")
  assert.isAtLeast(Number(reads.tags["kubernaut.reads.folded"]), 10)
  const shown = requests(root!).reads.length
  assert.isAtMost(shown, mostReads)
  assert.isAtMost(trace.size - shown, mostSpans)

  for (const secret of [...Object.values(keys), ...internals]) assert.notInclude(trace.text, secret)
  return root!
}

describe("a trace in Jaeger", () => {
  it.live.skipIf(jaeger.path === undefined)(
    `shows why HolmesGPT was given up, why the LLM was asked, what confidence was left, what it cost, and every step${jaeger.note}`,
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const holmesgpt = yield* HolmesGptPeer.make({ apiKey: keys.holmesgpt })
          const llm = yield* LlmPeer.make({ kind: "openai", apiKey: keys.llm })
          const fail = holmesgpt.setMode({ _tag: "Status", status: 500 })
          const root = checkWhole(yield* remediate(holmesgpt, llm, fail))
          const investigate = child(root, "investigate")

          assert.deepInclude(investigate.tags, {
            "kubernaut.cause.first": "holmesgpt: unavailable",
            "kubernaut.investigator": "llm:first",
            "kubernaut.confidence": 0.8
          })
          assert.deepStrictEqual(names(investigate.children), ["evidence", "hop holmesgpt", "hop llm"])
          const [, first, second] = investigate.children
          assert.deepInclude(first!.tags, {
            "kubernaut.hop.from": "start",
            "kubernaut.hop.outcome": "failed",
            "kubernaut.hop.failure": "unavailable",
            "kubernaut.hop.confidence_cap": 1,
            "circuitbreaker.state": "closed",
            "kubernaut.hop.breaker_after": "open"
          })
          assertRetried(first!)
          for (const attempt of first!.children) {
            assert.strictEqual(attempt.tags["error"], true)
            assert.strictEqual(child(attempt, "POST").tags["http.response.status_code"], 500)
          }
          assert.deepInclude(second!.tags, {
            "kubernaut.hop.from": "holmesgpt",
            "kubernaut.hop.reason": "unavailable",
            "kubernaut.hop.provider": "first",
            "kubernaut.hop.outcome": "answered",
            "kubernaut.hop.confidence_cap": 0.8,
            "kubernaut.hop.confidence": 0.8,
            "circuitbreaker.state": "closed",
            "kubernaut.hop.breaker_after": "closed"
          })
          assert.deepStrictEqual(attemptsOf(second!), ["1 closed"])

          // What it cost: the answer, in the attempt that took it and in every span around it.
          for (const span of [child(second!, "attempt"), second!, investigate, root])
            assert.deepInclude(span.tags, ofAnswer, span.name)
          assert.deepInclude(second!.tags, { "kubernaut.spend.calls": 1 })
          assert.notProperty(first!.tags, "kubernaut.spend.cost", "nothing is known of what HolmesGPT took")
          assert.strictEqual(first!.tags["kubernaut.spend.calls_without_cost"], first!.tags["kubernaut.hop.attempts"])
        })
      ),
    180_000
  )

  it.live.skipIf(jaeger.path === undefined)(
    `shows each fallback in order when no model can be asked and the rules answer, and the first cause${jaeger.note}`,
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const holmesgpt = yield* HolmesGptPeer.make({ apiKey: keys.holmesgpt })
          const llm = yield* LlmPeer.make({ kind: "openai", apiKey: keys.llm })
          // Each for its own reason.
          const fail = Effect.andThen(holmesgpt.setMode({ _tag: "Down" }), llm.setMode({ _tag: "Status", status: 401 }))
          const investigate = child(checkWhole(yield* remediate(holmesgpt, llm, fail)), "investigate")

          const hops = investigate.children.filter(({ name }) => name.startsWith("hop "))
          assert.deepStrictEqual(
            hops.map(({ tags }) => [
              tags["kubernaut.hop.to"],
              tags["kubernaut.hop.from"],
              tags["kubernaut.hop.reason"],
              tags["kubernaut.hop.outcome"],
              tags["kubernaut.hop.failure"],
              tags["kubernaut.hop.confidence_cap"]
            ]),
            [
              ["holmesgpt", "start", undefined, "failed", "unavailable", 1],
              ["llm", "holmesgpt", "unavailable", "failed", "authentication", 0.8],
              ["rules", "llm", "authentication", "answered", undefined, 0.5]
            ]
          )
          assert.deepInclude(investigate.tags, {
            "kubernaut.cause.first": "holmesgpt: unavailable",
            "kubernaut.investigator": "rules",
            "kubernaut.confidence": 0.5
          })
          assert.deepStrictEqual(
            hops.map(({ tags }) => tags["kubernaut.hop.breaker_after"]),
            ["open", "suspended", undefined]
          )
          assertRetried(hops[0]!)
          assert.deepStrictEqual(attemptsOf(hops[1]!), ["1 closed Authentication"])
        })
      ),
    180_000
  )
})
