/** The same over HTTP: a model restarts a healthy Deployment, and the alert is posted again and again. */

import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Webhook } from "../../src/intake/AlertmanagerWebhook.ts"
import { start } from "../integration/Service.ts"
import * as HolmesGptPeer from "../peers/HolmesGptPeer.ts"

const target = { namespace: "shop", kind: "Deployment", name: "catalog" }
const posted = Schema.decodeSync(Schema.fromJsonString(Webhook))(
  readFileSync(new URL("fixed-while-it-fires/alert.json", import.meta.url), "utf8")
)

/** The alert about a healthy Deployment of the sandbox. */
const webhook = (status: "firing" | "resolved"): Webhook => ({
  ...posted,
  status,
  alerts: posted.alerts.map((alert) => ({
    ...alert,
    status,
    startsAt: "2026-11-20T01:00:00Z",
    labels: { ...alert.labels, namespace: target.namespace, deployment: target.name }
  }))
})

describe("a healthy Deployment that is restarted", () => {
  it.live("is not fixed while its alert is posted again, and is fixed once a post reports its end", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const holmesgpt = yield* HolmesGptPeer.make()
        const text = JSON.stringify({
          rootCause: "It is not known.",
          evidence: [],
          action: { type: "RestartWorkload", target },
          confidence: 0.9
        })
        yield* holmesgpt.setMode({ _tag: "Answer", text })
        const service = yield* start({
          KUBERNAUT_MODE: "auto",
          KUBERNAUT_STEADY_FOR: "1 second",
          KUBERNAUT_HOLMESGPT_URL: holmesgpt.url
        })
        const [result] = yield* service.post(webhook("firing"))
        const id = result!.remediationId!
        yield* service.seen(({ data }) => data["kind"] === "Executed" && data["id"] === id)
        for (let second = 0; second < 12; second++) {
          const [again] = yield* service.post(webhook("firing"))
          assert.deepInclude(again, { status: "duplicate", remediationId: id })
          yield* Effect.sleep("1 second")
        }
        const during = yield* service.remediation(id)
        assert.strictEqual(during.state, "Verifying", JSON.stringify(during.verification))
        yield* service.post(webhook("resolved"))
        const { state, verification } = yield* service.ended(id)
        assert.strictEqual(state, "Remediated")
        assert.include(verification!.reasons.join("; "), "alert-resolved")
      })
    )
  )
})
