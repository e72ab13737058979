import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import type { RemediationId } from "../../src/domain/Remediation.ts"
import type { WebhookAlert } from "../../src/intake/AlertmanagerWebhook.ts"
import type { Investigator } from "../../src/investigation/Investigator.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { alertOf, webhookOf } from "../intake/webhooks.ts"

/** An alert about the Deployment shop/checkout, whose last rollout is bad. */
const about = (alertname: string, severity: string, overrides: Partial<WebhookAlert> = {}) =>
  alertOf(
    { alertname, severity, namespace: "shop", deployment: "checkout" },
    { fingerprint: `${alertname}-${severity}`, startsAt: "1970-01-01T00:00:00Z", ...overrides }
  )

const resolved = (alert: WebhookAlert): WebhookAlert => ({
  ...alert,
  status: "resolved",
  endsAt: "1970-01-01T00:00:01Z"
})

const notifying = (questions: Array<string>): Investigator => ({
  name: "custom",
  investigate: ({ alert, related, target: { kind, name, namespace } }) =>
    Effect.gen(function* () {
      questions.push([alert.name, ...related.map((other) => other.name)].join(" with "))
      yield* Effect.sleep("2 seconds")
      const action = { type: "Notify" as const, target: { kind, name, namespace }, reason: "A person has to look." }
      return { investigator: "custom" as const, rootCause: "Unknown.", evidence: [], action, confidence: 1 }
    })
})

const service = (investigators: ReadonlyArray<Investigator> = []) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(
      Kubernaut.layer({ cluster: "test", mode: "auto", investigators, actors: { sweepInterval: "1 hour" } }).pipe(
        Layer.provideMerge(Layer.mergeAll(Sandbox.layer(), Storage.layerMemory))
      )
    )
    const store = Context.get(context, RemediationStore)
    const { receive } = Context.get(context, Kubernaut.Kubernaut)
    const get = (id: RemediationId) => Effect.map(store.get(id), Option.getOrThrow)
    /** The remediations that lead from the one in the receipt to the work on its target. */
    const pathFrom = Effect.fnUntraced(function* (id: RemediationId) {
      const path = [yield* get(id)]
      for (let next = path[0]!; ; path.push(next)) {
        const to = next.joinedTo ?? next.handedOverTo
        if (to === undefined) return path
        next = yield* get(to)
      }
    })
    return {
      pathFrom,
      post: (...alerts: ReadonlyArray<WebhookAlert>) =>
        Effect.map(receive(webhookOf(alerts)), ({ results }) => results.map((result) => result.remediationId!))
    }
  })

describe("a remediation that ends without an action hands over", () => {
  it.effect("an info alert to the critical alert that joined it, which is then remediated", () =>
    Effect.gen(function* () {
      const { pathFrom, post } = yield* service()
      const [, critical] = yield* post(
        about("KubeDeploymentGenerationMismatch", "info"),
        about("KubeDeploymentRolloutStuck", "critical")
      )
      for (let minute = 0; minute < 10; minute++) yield* TestClock.adjust("1 minute")
      const path = yield* pathFrom(critical!)
      assert.deepStrictEqual(
        path.map(({ alert, state }) => `${alert.severity} ${state}`),
        ["critical Joined", "info Observed", "critical Remediated"]
      )
      assert.strictEqual(path[2]!.continues, critical)
    })
  )

  it.effect("a cancelled one to the alert that still fires, with what else still fires as evidence", () =>
    Effect.gen(function* () {
      const questions: Array<string> = []
      const { pathFrom, post } = yield* service([notifying(questions)])
      const lead = about("A", "critical")
      const [, second] = yield* post(lead, about("B", "warning"), about("C", "warning"))
      yield* TestClock.adjust("1 second")
      yield* post(resolved(lead))
      for (let second = 0; second < 2; second++) yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(questions, ["A with B with C", "B with C"])
      const path = yield* pathFrom(second!)
      assert.deepStrictEqual(
        path.map(({ state }) => state),
        ["Joined", "Cancelled", "Investigating"]
      )
    })
  )

  it.effect("an escalated one to each other kind of alert once, the most severe first, and to no equal one", () =>
    Effect.gen(function* () {
      const questions: Array<string> = []
      const { post } = yield* service([notifying(questions)])
      yield* post(
        about("A", "warning"),
        about("B", "warning"),
        about("A", "warning", { fingerprint: "A-2" }),
        about("C", "critical"),
        about("D", "info")
      )
      for (let second = 0; second < 30; second++) yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(
        questions.map((question) => question.split(" ")[0]),
        ["A", "C", "B"]
      )
    })
  )
})
