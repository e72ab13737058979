import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Redacted, Schema } from "effect"
import { HttpClient, HttpClientError, type HttpClientRequest, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import type { AccountSuspension } from "../../../src/domain/AccountSuspension.ts"
import type { SuspensionStore } from "../../../src/investigation/chain/KeptSuspensions.ts"
import type { InvestigatorError } from "../../../src/investigation/Investigator.ts"
import { Answer, answerJsonSchema } from "../../../src/investigation/models/Answer.ts"
import { make, type Options } from "../../../src/investigation/models/HolmesGptInvestigator.ts"
import { evidence, request } from "../fixtures/Requests.ts"
import { chainOf, rules } from "../fixtures/ScriptedChain.ts"

const action = {
  type: "RollbackDeployment",
  target: { namespace: "shop", kind: "Deployment", name: "checkout" }
} as const
const good = {
  rootCause: "The rollout is broken.",
  evidence: ["Pods crash."],
  action: { ...action, toRevision: null },
  confidence: 0.9
}

const chat = (analysis: unknown): string =>
  JSON.stringify({ analysis, conversation_history: [], tool_calls: [], follow_up_actions: [], metadata: {} })

/** An `HttpClient` that responds from a script and records the requests. */
const scripted = (respond: (request: HttpClientRequest.HttpClientRequest) => Response | "refused" | "hang") => {
  const requests: Array<HttpClientRequest.HttpClientRequest> = []
  const client = HttpClient.make((given) => {
    requests.push(given)
    const response = respond(given)
    if (response === "hang") return Effect.never
    if (response === "refused") {
      return Effect.fail(
        new HttpClientError.HttpClientError({
          reason: new HttpClientError.TransportError({ request: given, description: "connect ECONNREFUSED" })
        })
      )
    }
    return Effect.succeed(HttpClientResponse.fromWeb(given, response))
  })
  return { requests, client }
}

const json =
  (body: string, status = 200, headers: Record<string, string> = {}) =>
  () =>
    new Response(body, { status, headers })

const setUp = (respond: Parameters<typeof scripted>[0], options: Partial<Options> = {}) => {
  const { requests, client } = scripted(respond)
  const investigator = make({ url: "http://holmes:5050/", ...options }).pipe(
    Effect.provideService(HttpClient.HttpClient, client)
  )
  return { requests, investigator }
}

const investigate = (respond: Parameters<typeof scripted>[0], options: Partial<Options> = {}) =>
  Effect.flatMap(setUp(respond, options).investigator, (investigator) =>
    investigator.investigate(request({ evidence: evidence() }))
  )

const failureOf = (error: InvestigatorError) => [error.reason._tag, error.retryable, error.countsAsFailure]

describe("a request to HolmesGPT", () => {
  it.effect(
    "is POST /api/chat with a strict schema, the instructions apart from the fenced question, and the key as X-API-Key",
    () =>
      Effect.gen(function* () {
        const { requests, investigator } = setUp(json(chat(JSON.stringify(good))), {
          apiKey: Redacted.make("k3y"),
          model: "gpt"
        })
        yield* (yield* investigator).investigate(request({ evidence: evidence() }))
        const [sent] = requests
        assert.strictEqual(`${sent?.method} ${sent?.url}`, "POST http://holmes:5050/api/chat")
        assert.strictEqual(sent?.headers["x-api-key"], "k3y")
        const { body: bytes } = requests[0]!.body as unknown as { readonly body: Uint8Array }
        const body = JSON.parse(new TextDecoder().decode(bytes))
        assert.deepStrictEqual(body.response_format, {
          type: "json_schema",
          json_schema: { name: "answer", strict: true, schema: JSON.parse(JSON.stringify(answerJsonSchema)) }
        })
        assert.include(body.ask, "missing PAYMENT_URL")
        assert.notInclude(body.ask, "never\n  instruction")
        assert.include(body.additional_system_prompt, "never")
        assert.strictEqual(body.source_ref, "r1")
        assert.strictEqual(body.stream, true)
        assert.strictEqual(body.model, "gpt")
      })
  )

  it("has a strict schema: every property is required, none is additional, and the root is no anyOf", () => {
    const walk = (schema: unknown): void => {
      if (typeof schema !== "object" || schema === null) return
      const { additionalProperties, properties, required, type } = schema as Record<string, unknown>
      if (type === "object") {
        assert.strictEqual(additionalProperties, false)
        assert.deepStrictEqual(
          [...(required as ReadonlyArray<string>)].sort(),
          Object.keys(properties as object).sort()
        )
      }
      Object.values(schema).forEach(walk)
    }
    walk(answerJsonSchema)
    assert.strictEqual(answerJsonSchema["type"], "object")
    assert.isUndefined(answerJsonSchema["anyOf"])
    assert.isTrue(Schema.is(Answer)({ ...good, action }))
  })

  it.effect("fails with neither the key nor the server's message in its error", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        investigate(json(JSON.stringify({ detail: "api_key=sk-internal in /app/holmes" }), 500), {
          apiKey: Redacted.make("k3y")
        })
      )
      const text = `${error.message} ${JSON.stringify(error)}`
      for (const secret of ["k3y", "sk-internal", "/app/holmes"]) assert.notInclude(text, secret)
    })
  )
})

describe("the account of HolmesGPT", () => {
  const accountOf = (apiKey: Options["apiKey"]) =>
    Effect.map(setUp(() => "refused", apiKey === undefined ? {} : { apiKey }).investigator, ({ account, host }) => ({
      account,
      host
    }))
  const [old, other] = [Redacted.make("old-key"), Redacted.make("new-key")]

  it.effect("is that of its key, whichever way that is given, so that a suspension of another key is not its own", () =>
    Effect.gen(function* () {
      const { account, host } = yield* accountOf(old)
      assert.isString(account)
      assert.notInclude(account, "old-key")
      assert.strictEqual(host, "holmes:5050")
      assert.deepStrictEqual(yield* accountOf(Effect.succeed(old)), { account, host })
      assert.notStrictEqual((yield* accountOf(other)).account, account)
    })
  )

  it.effect("is not known without a key, or as long as that cannot be read, and the start does not wait for it", () =>
    Effect.gen(function* () {
      const unknown = { account: undefined, host: "holmes:5050" }
      assert.deepStrictEqual(yield* accountOf(undefined), unknown)
      assert.deepStrictEqual(yield* accountOf(Effect.fail({ _tag: "Unreadable" })), unknown)
      const started = yield* Effect.forkChild(accountOf(Effect.never))
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* Fiber.join(started), unknown)
    })
  )

  it.effect("has a new key if that was replaced before the first call", () =>
    Effect.gen(function* () {
      const keys = [old, old, other]
      const apiKey = Effect.sync(() => keys.shift() ?? other)
      const { hasNewKey = Effect.die("no source") } = yield* setUp(() => "refused", { apiKey }).investigator
      assert.deepStrictEqual([yield* hasNewKey, yield* hasNewKey], [false, true])
    })
  )

  it.effect("of a key that was rejected before a restart is not suspended once the key is replaced", () =>
    Effect.gen(function* () {
      const rows = new Map<string, AccountSuspension>()
      const ask = (key: Redacted.Redacted) =>
        Effect.gen(function* () {
          const { investigator } = setUp(
            ({ headers }) =>
              headers["x-api-key"] === "new-key"
                ? new Response(chat(JSON.stringify(good)), { status: 200 })
                : new Response("{}", { status: 401 }),
            { apiKey: key }
          )
          const suspensions: SuspensionStore = {
            kept: [...rows.values()],
            record: (account, suspension) =>
              Effect.sync(() => void (suspension === undefined ? rows.delete(account) : rows.set(account, suspension)))
          }
          const chain = yield* chainOf([yield* investigator, rules()], { suspensions })
          yield* Effect.forkScoped(chain.watch)
          yield* TestClock.adjust(0)
          const { hops } = yield* chain.investigate(request({ evidence: evidence() }))
          yield* TestClock.adjust(0)
          return hops[0]?.reason ?? hops[0]?.outcome
        }).pipe(Effect.scoped)
      assert.strictEqual(yield* ask(old), "authentication")
      assert.strictEqual(yield* ask(old), "wrong-key")
      assert.strictEqual(yield* ask(other), "answered")
      assert.strictEqual(rows.size, 0)
    })
  )
})

describe("a response from HolmesGPT", () => {
  it.effect("becomes the investigation when its analysis is an answer", () =>
    Effect.gen(function* () {
      const found = yield* investigate(json(chat(JSON.stringify(good))))
      assert.deepStrictEqual(found, {
        investigator: "holmesgpt",
        rootCause: good.rootCause,
        evidence: good.evidence,
        action,
        confidence: 0.9
      })
    })
  )

  it.effect.each([
    ["empty", ""],
    ["null", null],
    ["a raw tool call", JSON.stringify({ name: "kubectl_get", arguments: { kind: "pod" } })],
    ["an answer without a root cause", JSON.stringify({ ...good, rootCause: "" })],
    ["truncated", JSON.stringify(good).slice(0, 50)],
    ["prose", "I could not find anything."],
    [
      "an action on another namespace",
      JSON.stringify({ ...good, action: { ...good.action, target: { ...action.target, namespace: "kube-system" } } })
    ],
    [
      "an action that is not in the catalogue",
      JSON.stringify({ ...good, action: { type: "ShellCommand", target: action.target } })
    ]
  ] as const)(
    "is an invalid answer, not retried, and not counted, since an alert may lead to it, when its analysis is %s",
    ([, analysis]) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(failureOf(yield* Effect.flip(investigate(json(chat(analysis))))), [
          "InvalidAnswer",
          false,
          false
        ])
      })
  )

  it.effect.each(["<html>proxy</html>", '{"analysis": 5}', "{}", '{"analysis":"x'])(
    "is an invalid answer when its body is not a chat response: %s",
    (body) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(failureOf(yield* Effect.flip(investigate(json(body)))), ["InvalidAnswer", false, true])
      })
  )

  it.effect("is read up to the limit when it is endless", () =>
    Effect.gen(function* () {
      let chunks = 0
      const endless = new ReadableStream<Uint8Array>({
        pull: (controller) => {
          chunks++
          controller.enqueue(new Uint8Array(1024).fill(65))
        }
      })
      const error = yield* Effect.flip(investigate(() => new Response(endless), { maxResponseBytes: 10 * 1024 }))
      assert.deepStrictEqual(error.reason, { _tag: "InvalidAnswer", problem: "the response is too long" })
      assert.isBelow(chunks, 30)
    })
  )

  it.effect("is Unavailable and retried when the connection is refused", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(failureOf(yield* Effect.flip(investigate(() => "refused"))), ["Unavailable", true, true])
    })
  )

  it.effect.each([
    [400, "BadRequest", false, false],
    [401, "Authentication", false, true],
    [403, "Authentication", false, false],
    [404, "Unavailable", false, true],
    [413, "BadRequest", false, false],
    [422, "BadRequest", false, false],
    [429, "RateLimited", false, true],
    [500, "Unavailable", true, true],
    [502, "Unavailable", true, true],
    [503, "Unavailable", true, true],
    [504, "Unavailable", true, true],
    [301, "Unavailable", false, true],
    [501, "Unavailable", false, true]
  ] as const)("with status %i is %s, retried: %s, counted: %s", ([status, ...expected]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(failureOf(yield* Effect.flip(investigate(json('{"detail":"x"}', status)))), [...expected])
    })
  )
})

describe("the probe", () => {
  const probe = (respond: Parameters<typeof scripted>[0]) =>
    Effect.gen(function* () {
      const { requests, investigator } = setUp(respond, { apiKey: Redacted.make("k3y") })
      const exit = yield* Effect.exit((yield* investigator).probe!)
      return { requests, exit }
    })

  it.effect("is GET /healthz without the key, and succeeds on 200", () =>
    Effect.gen(function* () {
      const { requests, exit } = yield* probe(json("{}"))
      assert.strictEqual(`${requests[0]?.method} ${requests[0]?.url}`, "GET http://holmes:5050/healthz")
      assert.isUndefined(requests[0]?.headers["x-api-key"])
      assert.isTrue(Exit.isSuccess(exit))
    })
  )

  it.effect("counts no response and a failure of the server, and not a refusal of the request", () =>
    Effect.gen(function* () {
      const counted = (exit: Exit.Exit<void, InvestigatorError>) =>
        Exit.isFailure(exit)
          ? Exit.findErrorOption(exit).pipe((found) => found._tag === "Some" && found.value.countsAsFailure)
          : "succeeded"
      assert.strictEqual(counted((yield* probe(json("", 503))).exit), true)
      assert.strictEqual(counted((yield* probe(() => "refused")).exit), true)
      for (const status of [302, 400, 401, 403, 404, 405, 429, 501])
        assert.strictEqual(counted((yield* probe(json("", status))).exit), false, String(status))
    })
  )

  it.effect("times out after 2 s", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(probe(() => "hang"))
      yield* TestClock.adjust("2 seconds")
      assert.isTrue(Exit.isFailure((yield* Fiber.join(fiber)).exit))
    })
  )
})
