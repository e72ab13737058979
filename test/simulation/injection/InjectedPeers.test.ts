/**
 * The effect of each kind that may be injected on real peers: requests through the real investigators and the cluster's
 * port while the fault is active.
 */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Result } from "effect"
import { LanguageModel } from "effect/ai"
import { HttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import type { ResourceRef } from "../../../src/domain/Target.ts"
import type { Investigator } from "../../../src/investigation/Investigator.ts"
import * as HolmesGptInvestigator from "../../../src/investigation/models/HolmesGptInvestigator.ts"
import * as LlmInvestigator from "../../../src/investigation/models/LlmInvestigator.ts"
import { KubernetesClient } from "../../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../../src/kubernetes/Sandbox.ts"
import { wholeResponse } from "../../../src/simulation/farEnds/HolmesGptConversation.ts"
import { saying } from "../../../src/simulation/farEnds/LanguageModels.ts"
import { answerText } from "../../../src/simulation/farEnds/ModelService.ts"
import * as FaultInjection from "../../../src/simulation/injection/FaultInjection.ts"
import { kinds } from "../../../src/simulation/injection/Injectable.ts"
import { AuditLog } from "../../../src/storage/AuditLog.ts"
import { request } from "../../investigation/fixtures/Requests.ts"

const target: ResourceRef = { namespace: "shop", kind: "Deployment", name: "checkout" }
const truth = answerText({
  rootCause: "A bad rollout.",
  evidence: ["it crashes"],
  action: { type: "RestartWorkload", target },
  confidence: 0.9
})
const chat = {
  status: 200,
  contentType: "text/event-stream",
  body: `event: token_count\ndata: {}\n\nevent: ai_answer_end\ndata: ${JSON.stringify({ analysis: truth })}\n\n`
} as const

const audit = Layer.mock(AuditLog, { record: (line) => Effect.succeed(line as never) })

/** The outcome of a request within a minute, in a word: an answer's action, an error's reason, or `silence`. */
const said = <A, E extends { readonly reason: { readonly _tag: string } }>(
  asked: Effect.Effect<A, E>,
  word: (answer: A) => string
) =>
  Effect.gen(function* () {
    const outcome = Effect.match(asked, { onFailure: ({ reason }) => reason._tag, onSuccess: word })
    const fiber = yield* Effect.forkChild(outcome)
    // Second by second: before it is sent, a request may give way to other work.
    for (let second = 0; second < 60; second++) yield* TestClock.adjust("1 second")
    const exit = fiber.pollUnsafe()
    if (exit === undefined) yield* Fiber.interrupt(fiber)
    return exit === undefined ? "silence" : exit._tag === "Success" ? exit.value : "defect"
  })

const patch = {
  _tag: "Patch",
  ref: target,
  patch: [{ op: "add", path: "/metadata/annotations/example.com~1a", value: "b" }]
} as const

/** The outcome of each sort of request, under a fault or under none. */
const ask = (requested: FaultInjection.Options["requested"], seed = 1) =>
  Effect.gen(function* () {
    const injection = yield* FaultInjection.make({ requested, seed, models: ["holmesgpt", "llm:main"] })
    const http = injection.holmesgpt(HttpClient.make((asked) => Effect.succeed(wholeResponse(asked, chat))))
    const model = injection.languageModel("main", yield* saying(Effect.succeed(truth)))
    const real = yield* KubernetesClient
    const cluster = injection.cluster(real)
    yield* Effect.forkChild(Effect.provide(injection.run, audit))
    yield* TestClock.adjust("1 second")
    const investigate = ({ investigate }: Investigator) =>
      said(
        investigate(request({ target: { cluster: "sandbox", ...target }, observed: null })),
        ({ action }) => action.type
      )
    const word = () => "well"
    const holmesgpt = yield* Effect.provideService(
      HolmesGptInvestigator.make({ url: "http://holmes:5050" }),
      HttpClient.HttpClient,
      http
    )
    const llm = yield* Effect.provideService(
      LlmInvestigator.make({ provider: "main" }),
      LanguageModel.LanguageModel,
      model
    )
    const before = yield* real.get(target)
    const seen = {
      holmesgpt: yield* investigate(holmesgpt),
      llm: yield* investigate(llm),
      probe: yield* said(injection.probe("main", Effect.void), word),
      read: yield* said(cluster.get(target), (object) => object.kind ?? "nonsense"),
      list: yield* said(cluster.list("Pod", { namespace: "shop" }), (pods) =>
        Array.isArray(pods) ? "well" : "nonsense"
      ),
      write: yield* said(cluster.apply(patch), word)
    }
    const written =
      Result.isSuccess(yield* Effect.result(real.get(target)))
      && (yield* real.get(target)).metadata.resourceVersion !== before.metadata.resourceVersion
    return { ...seen, written }
  }).pipe(Effect.provide(Sandbox.layer()))

type Seen = Effect.Success<ReturnType<typeof ask>>

const well: Seen = {
  holmesgpt: "RestartWorkload",
  llm: "RestartWorkload",
  probe: "well",
  read: "Deployment",
  list: "well",
  write: "well",
  written: true
}
const both = ["holmesgpt", "llm:main"]
const all = [...both, "cluster"]
const everything = { peers: all, share: 1 }
const of = (holmesgpt: string, llm = holmesgpt, probe = "well"): Partial<Seen> => ({ holmesgpt, llm, probe })
const cluster = (reason: string): Partial<Seen> => ({ read: reason, list: reason, write: reason, written: false })
const writes = (reason: string): Partial<Seen> => ({ write: reason, written: false })
const models = { peers: both, share: 1 }
const holmesgpt = { peers: ["holmesgpt"], share: 1 }

/** For each kind, its parameters and the outcomes that differ from those without a fault. */
const effects: Readonly<Record<string, readonly [parameters: Record<string, unknown>, differs: Partial<Seen>]>> = {
  "network-partition": [
    { peers: all, lost: "requests" },
    { ...of("Silent", "silence", "Timeout"), ...cluster("silence") }
  ],
  "network-latency": [{ peers: both, mostMs: 100_000_000 }, of("Silent", "silence", "Timeout")],
  "network-loss": [{ peers: both, share: 1 }, of("Silent", "Unavailable", "Timeout")],
  "connection-reset": [
    everything,
    {
      ...of("Unavailable", "Unavailable", "Unavailable"),
      read: "Unavailable",
      list: "Unavailable",
      write: "Unavailable"
    }
  ],
  "dns-failure": [
    { peers: all, afterMs: 1 },
    { ...of("Unavailable", "Unavailable", "Unavailable"), ...cluster("Unavailable") }
  ],
  "slow-loris": [{ peers: both, pauseMs: 100_000 }, of("silence", "silence")],
  "truncated-body": [{ peers: both, endsAfter: 0.5 }, of("Unavailable")],
  "service-down": [{ peers: both }, of("Unavailable", "Unavailable", "Unavailable")],
  "shared-server-down": [
    { peers: ["llm:main"], says: "refused" },
    { llm: "Unavailable", probe: "Unavailable" }
  ],
  "dependency-hang": [{ peers: both, probes: true }, of("Silent", "silence", "Timeout")],
  "error-storm": [
    { peers: both, share: 1, status: 503, probes: true },
    of("Unavailable", "Unavailable", "Unavailable")
  ],
  flapping: [{ peers: both, turnMs: 1_000_000_000 }, of("Unavailable", "Unavailable", "Unavailable")],
  "rate-limited": [{ ...models, retryAfter: "7" }, of("RateLimited")],
  "late-answer": [{ peers: both, byMs: 90_000 }, of("Silent", "silence")],
  "authentication-failure": [{ peers: both, status: 401 }, of("Authentication")],
  "malformed-answer": [models, of("InvalidAnswer")],
  "nonsense-answer": [models, {}],
  "missing-resource": [models, of("InvalidAnswer")],
  "prompt-injection": [models, {}],
  "context-overflow": [models, of("ContextOverflow")],
  // Only the ledger sees it.
  "hidden-cost": [models, {}],
  refusal: [models, of("InvalidAnswer", "Refused")],
  "quota-exhausted": [models, of("RateLimited", "QuotaExhausted")],
  "silent-stream": [holmesgpt, of("Silent", "RestartWorkload")],
  "stalled-stream": [holmesgpt, of("silence", "RestartWorkload")],
  "stream-cut": [holmesgpt, of("Unavailable", "RestartWorkload")],
  "step-limit": [holmesgpt, of("StepLimit", "RestartWorkload")],
  "tool-loop": [holmesgpt, of("ToolLoop", "RestartWorkload")],
  "kubernetes-unavailable": [{ share: 1 }, cluster("Unavailable")],
  "kubernetes-unauthorized": [{ share: 1 }, cluster("Unauthorized")],
  "kubernetes-forbidden": [{ share: 1 }, writes("Forbidden")],
  "kubernetes-gone": [{ share: 1 }, { list: "Expired" }],
  "kubernetes-invalid": [{ share: 1 }, writes("Invalid")],
  "kubernetes-bad-request": [{ share: 1 }, writes("Invalid")],
  // Neither a patch nor a read meets these.
  "kubernetes-already-exists": [{ share: 1 }, {}],
  "kubernetes-several-budgets": [{ share: 1 }, {}],
  "kubernetes-overloaded": [{ share: 1 }, cluster("TooManyRequests")],
  "kubernetes-overloaded-absurd": [{ share: 1 }, cluster("TooManyRequests")],
  "kubernetes-internal-error": [{ share: 1 }, cluster("Unavailable")],
  "kubernetes-webhook-denial": [{ share: 1 }, writes("PolicyDenied")],
  "kubernetes-policy-denial": [{ share: 1 }, writes("PolicyDenied")],
  "kubernetes-pod-security": [{ share: 1 }, writes("PolicyDenied")],
  "kubernetes-limit-range": [{ share: 1 }, writes("QuotaExceeded")],
  "kubernetes-insufficient-storage": [{ share: 1 }, writes("StorageFull")],
  "kubernetes-webhook-unreachable": [{ share: 1 }, writes("Unavailable")],
  "kubernetes-quota-exceeded": [{ share: 1 }, writes("QuotaExceeded")],
  "kubernetes-field-owned": [{ share: 1 }, writes("FieldManagerConflict")],
  "kubernetes-too-large": [{ share: 1 }, writes("Invalid")],
  "kubernetes-storage-read-error": [{ share: 1 }, cluster("Unavailable")],
  "kubernetes-server-timeout": [{ share: 1 }, cluster("Timeout")],
  "kubernetes-storage-full": [{ share: 1 }, writes("StorageFull")],
  "kubernetes-lost-answer": [
    { share: 1, hangs: false },
    { write: "Timeout", written: true }
  ],
  "kubernetes-stale-read": [{ lagMs: 1000 }, {}],
  "cluster-replaced": [{}, {}],
  "kubernetes-nonsense": [
    { share: 1, how: "object" },
    { read: "nonsense", list: "nonsense" }
  ]
}

/** These kinds change the content of answers, not the outcomes. They have tests of their own below. */
const seenOtherwise = new Set(["nonsense-answer", "prompt-injection", "kubernetes-stale-read", "cluster-replaced"])

describe("real peers behind faults", () => {
  it.effect("are unchanged while no fault is active", () =>
    Effect.map(ask([]), (seen) => assert.deepStrictEqual(seen, well))
  )

  it("have a case for every kind that may be injected", () => {
    assert.deepStrictEqual(kinds.map(({ name }) => name).sort(), Object.keys(effects).sort())
  })

  for (const [kind, [parameters, differs]] of Object.entries(effects)) {
    if (seenOtherwise.has(kind)) continue
    it.effect(`${kind} changes the outcomes to ${JSON.stringify(differs)}`, () =>
      Effect.gen(function* () {
        const { written, ...seen } = yield* ask([{ kind, parameters: parameters as never }])
        const { written: expected, ...words } = { ...well, ...differs }
        assert.deepStrictEqual(seen, words)
        // A reset connection does not show whether the write arrived.
        if (kind !== "connection-reset") assert.strictEqual(written, expected)
      })
    )
  }

  for (const kind of ["nonsense-answer", "prompt-injection"]) {
    it.effect(`${kind} replaces the answer of each model with some seed`, () =>
      Effect.gen(function* () {
        const seen = yield* Effect.forEach([1, 2, 3, 4], (seed) =>
          ask([{ kind, parameters: { peers: both, share: 1 } }], seed)
        )
        for (const peer of ["holmesgpt", "llm"] as const)
          assert.isTrue(
            seen.some((each) => each[peer] !== "RestartWorkload"),
            peer
          )
      })
    )
  }

  it.effect("cluster-replaced changes the uid of kube-system, and that of no other object", () =>
    Effect.gen(function* () {
      const injection = yield* FaultInjection.make({
        requested: [{ kind: "cluster-replaced", parameters: {} }],
        seed: 1,
        models: []
      })
      const real = yield* KubernetesClient
      const client = injection.cluster(real)
      yield* Effect.forkChild(Effect.provide(injection.run, audit))
      yield* TestClock.adjust("1 second")
      const namespace = (name: string) => ({ namespace: "", kind: "Namespace", name })
      const changed = (ref: ResourceRef) =>
        Effect.map(
          Effect.all([real.get(ref), client.get(ref)]),
          ([before, after]) => before.metadata.uid !== after.metadata.uid
        )
      assert.isTrue(yield* changed(namespace("kube-system")))
      assert.isFalse(yield* changed(namespace("shop")))
      assert.isFalse(yield* changed(target))
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("kubernetes-stale-read shows a write to gets and lists only after the lag", () =>
    Effect.gen(function* () {
      const injection = yield* FaultInjection.make({
        requested: [{ kind: "kubernetes-stale-read", parameters: { lagMs: 5_000 } }],
        seed: 1,
        models: []
      })
      const client = injection.cluster(yield* KubernetesClient)
      yield* Effect.forkChild(Effect.provide(injection.run, audit))
      yield* TestClock.adjust("1 second")
      const annotated = Effect.gen(function* () {
        const got = (yield* client.get(target)).metadata.annotations?.["example.com/a"] === "b"
        const listed = (yield* client.list("Deployment", { namespace: "shop" })).some(
          ({ metadata }) => metadata.annotations?.["example.com/a"] === "b"
        )
        return [got, listed]
      })
      assert.deepStrictEqual(yield* annotated, [false, false])
      yield* client.apply(patch)
      assert.deepStrictEqual(yield* annotated, [false, false])
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* annotated, [true, true])
    }).pipe(Effect.provide(Sandbox.layer()))
  )
})
