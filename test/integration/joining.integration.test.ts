/** All alerts of a storm about one Deployment join one remediation. */

import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import type { AuditEvent } from "../../src/domain/AuditEvent.ts"
import type { RemediationDetail } from "../../src/http/Responses.ts"
import { webhookAbout } from "../intake/webhooks.ts"
import { type Result, type Service, start, until } from "./Service.ts"

interface Summary {
  readonly id: string
  readonly state: string
  readonly alertName: string
  readonly joinedTo?: string
  readonly target: { readonly kind: string; readonly name: string }
}

/** All remediations, page by page. */
const everyRemediation = Effect.fnUntraced(function* (service: Service) {
  const all: Array<Summary> = []
  let cursor = ""
  while (true) {
    const page = yield* service.get<{ readonly remediations: ReadonlyArray<Summary>; readonly nextCursor?: string }>(
      `/api/v1/remediations?limit=500${cursor}`
    )
    all.push(...page.remediations)
    if (page.nextCursor === undefined) return all
    cursor = `&cursor=${encodeURIComponent(page.nextCursor)}`
  }
})

/** The remediations with an investigation in the audit log, in order. */
const investigated = Effect.fnUntraced(function* (service: Service) {
  const found: Array<string> = []
  let after = 0
  while (true) {
    const page = yield* service.get<{ readonly events: ReadonlyArray<AuditEvent>; readonly next: number }>(
      `/api/v1/audit?limit=1000&after=${after}`
    )
    if (page.events.length === 0) return found
    for (const { kind, subject } of page.events) if (kind === "remediation.Investigated") found.push(subject)
    after = page.next
  }
})

/** The names of a Deployment's pods, read from the observed state of a proposal that is then rejected. */
const podsOf = Effect.fnUntraced(function* (service: Service, deployment: string, fingerprint: number) {
  const [result] = yield* service.post(
    webhookAbout([{ alertname: "KubeDeploymentGenerationMismatch", namespace: "shop", deployment }], fingerprint)
  )
  const id = result!.remediationId!
  const seen: RemediationDetail = yield* service.waiting(id)
  const observed = seen.events.find(({ kind }) => kind === "Decided")!.data["observed"] as {
    readonly pods: ReadonlyArray<{ readonly name: string }>
  }
  assert.isNotEmpty(observed.pods)
  yield* service.send(`/api/v1/remediations/${id}/reject`, { method: "POST" })
  yield* service.ended(id)
  return observed.pods.map(({ name }) => name)
})

/** Alerts about pods, spread evenly. Each is a series of its own. */
const storm = (pods: ReadonlyArray<string>, count: number) =>
  Array.from({ length: count }, (_, index) => ({
    alertname: "KubePodCrashLooping",
    namespace: "shop",
    pod: pods[index % pods.length]!,
    container: "main",
    uid: `series-${index}`
  }))

/** The remediation at the end of the `joinedTo` chain. */
const leaderOf = (byId: ReadonlyMap<string, Summary>, id: string): Summary => {
  const self = byId.get(id)!
  return self.joinedTo === undefined ? self : leaderOf(byId, self.joinedTo)
}

const settled = (service: Service, joined: number) =>
  until(
    `${joined} joined`,
    service.metrics,
    (metrics) => metrics.get(`kubernaut_remediations_total{state="Joined"}`) === joined
  )

const elapsed = <A, E, R>(what: string, self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const startMs = yield* Clock.currentTimeMillis
    const value = yield* self
    console.info(`${what}: ${(yield* Clock.currentTimeMillis) - startMs} ms`)
    return value
  })

describe("alerts about one target", () => {
  it.live(
    "10,000 pod alerts about one Deployment lead to one investigation, in one post or in twenty concurrent posts",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          // Every action waits for a review, so the remediation stays open for the whole storm.
          const service = yield* start({ KUBERNAUT_MODE: "approve" })
          const checkout = yield* podsOf(service, "checkout", 0xa000_0000)
          const cart = yield* podsOf(service, "cart", 0xb000_0000)

          const inOnePost = yield* elapsed(
            "10,000 alerts in one post, joined",
            Effect.tap(service.post(webhookAbout(storm(checkout, 10_000), 0x1_0000)), () => settled(service, 9999))
          )
          const posts = Array.from({ length: 20 }, (_, part) =>
            webhookAbout(storm(cart, 500), 0x10_0000 + part * 0x1000)
          )
          const inTwenty = yield* elapsed(
            "10,000 alerts in 20 posts, joined",
            Effect.tap(Effect.forEach(posts, service.post, { concurrency: "unbounded" }), () =>
              settled(service, 19_998)
            )
          )
          const storms: ReadonlyArray<readonly [string, ReadonlyArray<Result>]> = [
            ["checkout", inOnePost],
            ["cart", inTwenty.flat()]
          ]

          const all = yield* everyRemediation(service)
          const byId = new Map(all.map((each) => [each.id, each]))
          const leaders: Array<string> = []
          for (const [deployment, results] of storms) {
            assert.strictEqual(results.length, 10_000)
            assert.isTrue(results.every(({ status }) => status === "accepted"))
            const ids = [...new Set(results.map(({ remediationId }) => remediationId!))]
            assert.strictEqual(ids.length, 10_000, "each alert has its own remediation")
            const led = new Set(ids.map((id) => leaderOf(byId, id).id))
            assert.strictEqual(led.size, 1, `all alerts about ${deployment} join one remediation`)
            const [leader] = led
            const { state, target } = byId.get(leader!)!
            assert.deepInclude(target, { kind: "Deployment", name: deployment })
            assert.strictEqual(state, "AwaitingReview")
            assert.strictEqual(ids.filter((id) => byId.get(id)!.state === "Joined").length, 9999)
            leaders.push(leader!)
          }
          assert.deepStrictEqual(
            (yield* investigated(service)).slice(2).sort(),
            leaders.sort(),
            "no other remediation was investigated"
          )

          const reviews = yield* service.get<{ readonly reviews: ReadonlyArray<unknown> }>("/api/v1/reviews")
          assert.strictEqual(reviews.reviews.length, 2, "each Deployment has one review")
        })
      ),
    180_000
  )
})
