/**
 * Fault injection in the service process: the effects are observable over HTTP, and the service reports the active
 * faults.
 */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { RemediationDetail } from "../../src/http/Responses.ts"
import * as HolmesGptPeer from "../peers/HolmesGptPeer.ts"
import * as LlmPeer from "../peers/LlmPeer.ts"
import { exampleAlert, type Service, start, until } from "./Service.ts"

const hopsOf = ({ hops }: RemediationDetail): ReadonlyArray<string> =>
  hops.map(({ investigator, outcome, provider, reason }) =>
    [
      provider === undefined ? investigator : `${investigator}:${provider}`,
      outcome,
      ...(reason === undefined ? [] : [reason])
    ].join(" ")
  )

const faults = [
  { kind: "service-down", parameters: { peers: ["holmesgpt"] } },
  { kind: "malformed-answer", parameters: { peers: ["llm:first"], share: 1 } },
  { kind: "kubernetes-webhook-denial", parameters: { share: 1 } }
]

interface Status {
  readonly components: ReadonlyArray<{ readonly name: string; readonly status: string; readonly message?: string }>
}

interface Audit {
  readonly events: ReadonlyArray<{
    readonly kind: string
    readonly subject: string
    readonly data: Readonly<Record<string, unknown>>
  }>
}

const setUp = Effect.fnUntraced(function* (settings: Readonly<Record<string, string>>) {
  const holmesgpt = yield* HolmesGptPeer.make({ apiKey: "h" })
  const first = yield* LlmPeer.make({ kind: "openai", apiKey: "f" })
  const second = yield* LlmPeer.make({ kind: "anthropic", apiKey: "s" })
  const service = yield* start({
    KUBERNAUT_HOLMESGPT_URL: holmesgpt.url,
    KUBERNAUT_HOLMESGPT_API_KEY: "h",
    KUBERNAUT_LLM_PROVIDERS: JSON.stringify([
      { name: "first", kind: "openai", url: `${first.url}/v1`, model: "gpt-4o", key: "f" },
      { name: "second", kind: "anthropic", url: second.url, model: "claude-sonnet-4-5", key: "s" }
    ]),
    ...settings
  })
  const chats = () => holmesgpt.calls.filter(({ path }) => path === "/api/chat").length
  return { service, chats, asked: () => ({ first: first.calls.length, second: second.calls.length }) }
})

const remediated = Effect.fnUntraced(function* (service: Service) {
  const [result] = yield* service.post(exampleAlert("crash-loop"))
  return yield* service.ended(result!.remediationId!)
})

const faultComponent = (service: Service) =>
  Effect.map(service.get<Status>("/api/v1/status"), ({ components }) =>
    components.find(({ name }) => name === "fault-injection")
  )

const faultLines = (service: Service) =>
  Effect.map(service.get<Audit>("/api/v1/audit"), ({ events }) =>
    events.filter(({ kind }) => kind.startsWith("fault."))
  )

describe("fault injection", () => {
  it.live(
    "causes fallback hops and a rejected write, and is reported in the log, the status and the audit log",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { asked, chats, service } = yield* setUp({
            KUBERNAUT_FAULT_INJECTION: JSON.stringify(faults),
            KUBERNAUT_FAULT_SEED: "7"
          })
          yield* until("all faults are active", faultComponent(service), (component) =>
            /now .*; .*; /.test(component?.message ?? "")
          )
          const ended = yield* remediated(service)
          assert.deepStrictEqual(hopsOf(ended), [
            "holmesgpt failed unavailable",
            "llm:first failed invalid-answer",
            "llm:second answered"
          ])
          // Refused connections do not reach HolmesGPT. A malformed answer requires a call.
          assert.strictEqual(chats(), 0)
          assert.isAbove(asked().first, 0)
          assert.strictEqual(ended.state, "Escalated")
          assert.deepInclude(yield* faultComponent(service), { status: "degraded" })
          assert.match(
            (yield* faultComponent(service))?.message ?? "",
            /on purpose.*seed 7.*now service-down .*holmesgpt/
          )
          assert.deepStrictEqual((yield* faultLines(service)).map(({ kind, subject }) => `${kind} ${subject}`).sort(), [
            "fault.began kubernetes-webhook-denial",
            "fault.began malformed-answer",
            "fault.began service-down"
          ])
          assert.match(service.log(), /FAULT INJECTION IS ON/)
        })
      ),
    180_000
  )

  it.live(
    "has no effect and is not reported when it is not configured",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { chats, service } = yield* setUp({})
          const ended = yield* remediated(service)
          assert.deepStrictEqual(hopsOf(ended), ["holmesgpt answered"])
          assert.strictEqual(chats(), 1)
          assert.strictEqual(ended.state, "Remediated")
          assert.isUndefined(yield* faultComponent(service))
          assert.deepStrictEqual(yield* faultLines(service), [])
          assert.notMatch(service.log(), /FAULT INJECTION/)
        })
      ),
    180_000
  )
})
