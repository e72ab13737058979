/** An intake on a store in memory, and the posts that its tests send. */

import { Effect, Layer } from "effect"
import { targetKey } from "../../src/domain/Target.ts"
import type { Webhook, WebhookAlert } from "../../src/intake/AlertmanagerWebhook.ts"
import * as Intake from "../../src/intake/Intake.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { alertOf, webhookOf } from "./webhooks.ts"

export const alert = (fingerprint: string, deployment: string, overrides: Partial<WebhookAlert> = {}): WebhookAlert =>
  alertOf({ alertname: "KubeDeploymentRolloutStuck", namespace: "shop", deployment }, { fingerprint, ...overrides })

export const ended = (fingerprint: string, deployment: string): WebhookAlert =>
  alert(fingerprint, deployment, { status: "resolved", endsAt: "2026-11-24T04:00:00Z" })

export const of = (fingerprint: string, severity: string): WebhookAlert =>
  alert(fingerprint, fingerprint, { labels: { alertname: "A", namespace: "shop", deployment: fingerprint, severity } })

export const post = (...alerts: ReadonlyArray<WebhookAlert>): Webhook => webhookOf(alerts)

export const keyOf = (deployment: string) =>
  targetKey({ cluster: "test", namespace: "shop", kind: "Deployment", name: deployment })

export const wrapping = (wrap: (store: RemediationStore["Service"]) => RemediationStore["Service"]) =>
  Layer.effect(RemediationStore, Effect.map(RemediationStore, wrap))

const asItIs = wrapping((store) => store)

/** An intake on a store in memory. It records the calls of its hooks. */
export const makeIntake = (options: Partial<Intake.IntakeOptions> = {}, store = asItIs) =>
  Effect.gen(function* () {
    const fired: Array<ReadonlyArray<string>> = []
    const received: Array<Intake.AlertReceived> = []
    const layer = Intake.layer({
      cluster: "test",
      onAccepted: (targets) => Effect.sync(() => void (targets.length > 0 && fired.push(targets))),
      onReceived: (event) => void received.push(event),
      ...options
    }).pipe(Layer.provideMerge(store), Layer.provideMerge(Storage.layerMemory))
    const context = yield* Layer.build(layer)
    return {
      fired,
      received,
      run: <A, E>(effect: Effect.Effect<A, E, Intake.Intake | RemediationStore>) => Effect.provide(effect, context)
    }
  })

export const receive = (webhook: Webhook, source?: string) =>
  Effect.flatMap(Intake.Intake, (intake) => intake.receive(webhook, source))

export const statuses = (webhook: Webhook) =>
  Effect.map(receive(webhook), ({ results }) => results.map(({ fingerprint, status }) => `${fingerprint} ${status}`))
