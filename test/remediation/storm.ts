/** A service over a sandbox whose answers a test can change: nodes that fail, a registry that is down. */

import { Duration, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { GuardrailSettings } from "../../src/decision/GuardrailSettings.ts"
import type { Action } from "../../src/domain/Action.ts"
import type { Investigator } from "../../src/investigation/Investigator.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import { KubernetesClient, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { alertOf, webhookOf } from "../intake/webhooks.ts"

/** Deployments, each in a namespace of its own, that crash-loop. */
export const names = Array.from({ length: 20 }, (_, index) => `app-${index}`)

/** Always proposes this action for the target. */
export const always = (type: "RestartWorkload" | "RollbackDeployment"): Investigator => ({
  name: "custom",
  investigate: ({ target }) => {
    const action: Action = { type, target: { namespace: target.namespace, kind: target.kind, name: target.name } }
    return Effect.succeed({ investigator: "custom", rootCause: "It crashes.", evidence: [], action, confidence: 1 })
  }
})

export const alertsOf = (which: ReadonlyArray<string>, startsAt = "1970-01-01T00:00:00Z") =>
  webhookOf(
    which.map((name) =>
      alertOf(
        { alertname: "KubePodCrashLooping", namespace: `ns-${name}`, deployment: name, severity: "critical" },
        { startsAt, fingerprint: name }
      )
    )
  )

/** Changes what the cluster says. */
export type Lens = (object: KubernetesObject) => KubernetesObject

export const serviceOf = (
  action: "RestartWorkload" | "RollbackDeployment",
  lens: Lens,
  guardrails: Partial<GuardrailSettings> = {},
  which: ReadonlyArray<string> = names
) => {
  const seen = Layer.effect(
    KubernetesClient,
    Effect.map(KubernetesClient, (client) => ({
      ...client,
      get: (ref: Parameters<typeof client.get>[0]) => Effect.map(client.get(ref), lens),
      list: (kind: string, options: Parameters<typeof client.list>[1]) =>
        Effect.map(client.list(kind, options), (objects) => objects.map(lens))
    }))
  )
  const deployments = which.map((name) => ({
    namespace: `ns-${name}`,
    name,
    behaviour: "bad-rollout" as const,
    replicas: 1
  }))
  return Kubernaut.layer({
    cluster: "test",
    mode: "auto",
    investigators: [always(action)],
    guardrails,
    verification: { settleTimeout: Duration.minutes(1) }
  }).pipe(
    Layer.provideMerge(seen),
    Layer.provideMerge(Layer.mergeAll(Sandbox.layer({ deployments, shop: false }), Storage.layerMemory))
  )
}

export const pass = (seconds: number) =>
  Effect.gen(function* () {
    for (let second = 0; second < seconds; second++) yield* TestClock.adjust("1 second")
  })

export const all = Effect.gen(function* () {
  const store = yield* RemediationStore
  const { items } = yield* store.list({ limit: 200 })
  const found = yield* Effect.forEach(items, ({ id }) => store.get(id))
  return found.flatMap((each) => (each._tag === "Some" ? [each.value] : []))
})

export const rulesOf = (remediations: Effect.Success<typeof all>, rule: string) =>
  remediations.filter(({ decision }) => decision?.reasons.some((reason) => reason.rule === rule) === true)
