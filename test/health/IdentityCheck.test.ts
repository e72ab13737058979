import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as ClusterIdentity from "../../src/kubernetes/ClusterIdentity.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { identityCheck, outcomeOf } from "../../src/wiring/IdentityCheck.ts"

/** A guarded sandbox whose identity the test sets, and the requests for it. */
const guarded = Effect.gen(function* () {
  const cluster = { uid: "ours", reads: 0 }
  const real = yield* Sandbox.make()
  const client = {
    ...real,
    get: (ref: Parameters<typeof real.get>[0]) =>
      Effect.suspend(() => {
        if (ref.kind !== "Namespace") return real.get(ref)
        cluster.reads++
        return Effect.map(real.get(ref), (object) => ({
          ...object,
          metadata: { ...object.metadata, uid: cluster.uid }
        }))
      })
  }
  const guard = ClusterIdentity.guard(client, () => Effect.succeed("ours"))
  yield* guard.confirmAtStart(client)
  return { cluster, client: guard.client, check: identityCheck(guard.identity).run }
})

const write = {
  _tag: "Patch",
  ref: { namespace: "shop", kind: "Deployment", name: "checkout" },
  patch: [{ op: "replace", path: "/spec/replicas", value: 5 }]
} as const

describe("the check of the cluster's identity", () => {
  it("finds a security incident in another cluster, and claims nothing before the identity is known", () => {
    assert.strictEqual(outcomeOf({ _tag: "Unconfirmed" })._tag, "Unknown")
    const found = outcomeOf({ _tag: "OtherCluster", found: "theirs", bound: "ours" })
    assert.deepStrictEqual(
      found._tag === "Unhealthy" ? found.emergencies?.map(({ key }) => key) : [],
      ["cluster-identity:theirs"],
      "who dismisses this one dismisses no other"
    )
  })

  it.effect("costs no request while it is ours, and finds the other one after a write, until ours is back", () =>
    Effect.gen(function* () {
      const { check, client, cluster } = yield* guarded
      const atStart = cluster.reads
      assert.strictEqual((yield* check)._tag, "Healthy")
      assert.strictEqual(cluster.reads, atStart)
      cluster.uid = "theirs"
      const refused = yield* Effect.flip(client.apply(write))
      assert.strictEqual(refused.reason._tag, "WrongCluster")
      assert.strictEqual((yield* check)._tag, "Unhealthy")
      yield* TestClock.adjust("15 seconds")
      assert.strictEqual((yield* check)._tag, "Unhealthy", "it still is another one")
      cluster.uid = "ours"
      yield* TestClock.adjust("15 seconds")
      assert.strictEqual((yield* check)._tag, "Healthy", "although nothing else has read meanwhile")
    })
  )
})
