import { assert, describe, it } from "@effect/vitest"
import { type Duration, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { Change } from "../../src/domain/Change.ts"
import * as ClusterIdentity from "../../src/kubernetes/ClusterIdentity.ts"
import { KubernetesError, type KubernetesErrorReason } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"

const checkout = { namespace: "shop", kind: "Deployment", name: "checkout" }
const scale: Change = { _tag: "Patch", ref: checkout, patch: [{ op: "replace", path: "/spec/replicas", value: 5 }] }

/** A guarded sandbox whose identity, and its readability, the test sets. */
const guarded = Effect.fnUntraced(function* (bound = "ours") {
  const cluster = {
    uid: "ours",
    /** How long a request takes. */
    takes: "0 seconds" as Duration.Input,
    refusal: undefined as KubernetesErrorReason | undefined,
    requests: [] as Array<string>
  }
  const real = yield* Sandbox.make({
    intercept: ({ dryRun, kind, verb }, request) =>
      Effect.suspend(() => {
        cluster.requests.push(`${dryRun ? "dry-run " : ""}${verb} ${kind}`)
        return cluster.takes === "0 seconds" ? request : Effect.delay(request, cluster.takes)
      })
  })
  const client = {
    ...real,
    get: (ref: typeof checkout) =>
      Effect.suspend(() => {
        if (ref.kind !== "Namespace") return real.get(ref)
        const { refusal } = cluster
        return refusal === undefined
          ? Effect.map(real.get(ref), (object) => ({ ...object, metadata: { ...object.metadata, uid: cluster.uid } }))
          : Effect.fail(new KubernetesError({ reason: refusal, operation: "get", applied: "no", retryable: true }))
      })
  }
  let binding: string | undefined = bound === "" ? undefined : bound
  const guard = ClusterIdentity.guard(client, (uid) => Effect.sync(() => (binding ??= uid)))
  return { cluster, real, client, guard, binding: () => binding }
})

const reasonOf = <A>(effect: Effect.Effect<A, KubernetesError>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason)

describe("ClusterIdentity", () => {
  it.effect("binds a database that belongs to no cluster yet", () =>
    Effect.gen(function* () {
      const { binding, client, guard } = yield* guarded("")
      yield* guard.confirmAtStart(client)
      assert.strictEqual(binding(), "ours")
      assert.deepStrictEqual(yield* guard.identity.state, { _tag: "Confirmed", uid: "ours" })
    })
  )

  it.effect("refuses to start with the database of another cluster, and says what to do", () =>
    Effect.gen(function* () {
      const { client, guard } = yield* guarded("theirs")
      const { message } = yield* Effect.flip(guard.confirmAtStart(client))
      for (const said of ["ours", "theirs", "kube-system", "another database"]) assert.include(message, said)
    })
  )

  for (const refusal of [{ _tag: "Unavailable" }, { _tag: "Timeout" }, { _tag: "Unauthorized" }] as const)
    it.effect(`starts while the identity cannot be read (${refusal._tag}), and writes once it is confirmed`, () =>
      Effect.gen(function* () {
        const { client, cluster, guard } = yield* guarded()
        cluster.refusal = refusal
        yield* guard.confirmAtStart(client)
        assert.strictEqual((yield* guard.identity.state)._tag, "Unconfirmed")
        assert.strictEqual((yield* reasonOf(guard.client.apply(scale)))._tag, refusal._tag)
        assert.notInclude(cluster.requests, "patch Deployment")
        cluster.refusal = undefined
        yield* guard.client.apply(scale)
        assert.include(cluster.requests, "patch Deployment")
      })
    )

  for (const [what, get] of [
    ["is not an object", Effect.succeed("hunter2" as never)],
    ["has no uid", Effect.succeed({ kind: "Namespace", metadata: {} } as never)],
    ["makes the client throw", Effect.die(new TypeError("nonsense"))]
  ] as const)
    it.effect(`starts and writes nothing when the answer ${what}, and binds the database to nothing`, () =>
      Effect.gen(function* () {
        const { client } = yield* guarded()
        const bound: Array<string> = []
        const broken = { ...client, get: () => get }
        const guard = ClusterIdentity.guard(broken, (uid) => Effect.sync(() => (bound.push(uid), uid)))
        yield* guard.confirmAtStart(broken)
        assert.strictEqual((yield* guard.identity.state)._tag, "Unconfirmed")
        assert.isTrue(Exit.isFailure(yield* Effect.exit(guard.client.apply(scale))))
        assert.deepStrictEqual(bound, [])
      })
    )

  it.effect("starts when the cluster hangs, after 5 seconds", () =>
    Effect.gen(function* () {
      const { client, guard } = yield* guarded()
      const start = yield* Effect.forkChild(guard.confirmAtStart({ ...client, get: () => Effect.never }))
      yield* TestClock.adjust("5 seconds")
      assert.isDefined(start.pollUnsafe())
      assert.strictEqual((yield* guard.identity.state)._tag, "Unconfirmed")
    })
  )

  for (const refusal of [{ _tag: "Forbidden" }, { _tag: "NotFound" }] as const)
    it.effect(`writes nothing, but reads, when kube-system cannot be read (${refusal._tag})`, () =>
      Effect.gen(function* () {
        const { client, cluster, guard } = yield* guarded()
        cluster.refusal = refusal
        yield* guard.confirmAtStart(client)
        const error = yield* Effect.flip(guard.client.apply(scale))
        assert.deepStrictEqual(error.reason, { _tag: "WrongCluster", why: "unconfirmed" })
        assert.strictEqual(error.applied, "no")
        yield* guard.client.get(checkout)
      })
    )

  it.effect("stops writes at once when another cluster answers at the same address", () =>
    Effect.gen(function* () {
      const { client, cluster, guard } = yield* guarded()
      yield* guard.confirmAtStart(client)
      yield* guard.client.apply(scale)
      cluster.uid = "theirs"
      cluster.requests.length = 0
      const error = yield* Effect.flip(guard.client.apply(scale))
      assert.deepStrictEqual(error.reason, { _tag: "WrongCluster", why: "other-cluster" })
      assert.strictEqual(error.applied, "no")
      assert.notInclude(cluster.requests, "patch Deployment")
      assert.deepStrictEqual(yield* guard.identity.state, { _tag: "OtherCluster", found: "theirs", bound: "ours" })
    })
  )

  it.effect("refuses reads and dry runs after another cluster was seen, because they are about other objects", () =>
    Effect.gen(function* () {
      const { cluster, guard } = yield* guarded()
      cluster.uid = "theirs"
      yield* Effect.flip(guard.client.apply(scale))
      const refused = { _tag: "WrongCluster", why: "other-cluster" } as const
      assert.deepStrictEqual(yield* reasonOf(guard.client.get(checkout)), refused)
      assert.deepStrictEqual(yield* reasonOf(guard.client.list("Pod", {})), refused)
      assert.deepStrictEqual(yield* reasonOf(guard.client.apply(scale, { dryRun: true })), refused)
    })
  )

  it.effect("serves again when the cluster of the database is back, which it checks every 10 seconds", () =>
    Effect.gen(function* () {
      const { cluster, guard } = yield* guarded()
      cluster.uid = "theirs"
      yield* Effect.flip(guard.client.apply(scale))
      cluster.uid = "ours"
      yield* Effect.flip(guard.client.get(checkout))
      yield* TestClock.adjust("10 seconds")
      yield* guard.client.get(checkout)
      yield* guard.client.apply(scale)
    })
  )

  it.effect("serves all reads that come at once when the cluster of the database is back", () =>
    Effect.gen(function* () {
      const { cluster, guard } = yield* guarded()
      cluster.uid = "theirs"
      yield* Effect.flip(guard.client.apply(scale))
      cluster.uid = "ours"
      yield* TestClock.adjust("10 seconds")
      cluster.takes = "1 second"
      const reads = yield* Effect.forkChild(
        Effect.all([guard.client.get(checkout), guard.client.get(checkout)], { concurrency: 2 })
      )
      yield* TestClock.adjust("5 seconds")
      assert.lengthOf(yield* Fiber.join(reads), 2)
    })
  )

  it.effect("checks once for all reads that wait while the identity cannot be read, however long that takes", () =>
    Effect.gen(function* () {
      const { client, cluster } = yield* guarded()
      let checks = 0
      const slow = {
        ...client,
        get: (ref: typeof checkout) => {
          if (ref.kind !== "Namespace") return client.get(ref)
          checks++
          return Effect.delay(client.get(ref), "15 seconds")
        }
      }
      const guard = ClusterIdentity.guard(slow, (uid) => Effect.succeed(uid))
      cluster.refusal = { _tag: "Timeout" }
      const reads = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 20 }, () => guard.client.get(checkout)),
          { concurrency: 20 }
        )
      )
      yield* TestClock.adjust("16 seconds")
      assert.isDefined(reads.pollUnsafe())
      assert.strictEqual(checks, 1)
    })
  )

  it.effect("serves a read that waited for the check of one that was given up", () =>
    Effect.gen(function* () {
      const { cluster, guard } = yield* guarded()
      cluster.uid = "theirs"
      yield* Effect.flip(guard.client.apply(scale))
      cluster.uid = "ours"
      yield* TestClock.adjust("10 seconds")
      cluster.takes = "2 seconds"
      const first = yield* Effect.forkChild(guard.client.get(checkout))
      const second = yield* Effect.forkChild(guard.client.get(checkout))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(first)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* Fiber.join(second)).metadata.name, "checkout")
    })
  )

  it.effect("is not told by a late answer that another cluster, which was seen since, is the one of the database", () =>
    Effect.gen(function* () {
      const { client, cluster } = yield* guarded()
      let takes: Duration.Input = 0
      const late = {
        ...client,
        get: (ref: typeof checkout) => Effect.tap(client.get(ref), () => Effect.sleep(takes))
      }
      const guard = ClusterIdentity.guard(late, () => Effect.succeed("ours"))
      yield* guard.confirmAtStart(client)
      takes = "5 seconds"
      const early = yield* Effect.forkChild(Effect.flip(guard.client.apply(scale)))
      yield* TestClock.adjust("1 second")
      takes = 0
      cluster.uid = "theirs"
      const other = { _tag: "WrongCluster", why: "other-cluster" } as const
      assert.deepStrictEqual(yield* reasonOf(guard.client.apply(scale)), other)
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual((yield* Fiber.join(early)).reason, other)
      assert.notInclude(cluster.requests, "patch Deployment")
      assert.deepStrictEqual(yield* reasonOf(guard.client.get(checkout)), other)
    })
  )

  it.effect("finds another cluster by a read too, if none could be read at start", () =>
    Effect.gen(function* () {
      const { client, cluster, guard } = yield* guarded()
      cluster.refusal = { _tag: "Unavailable" }
      yield* guard.confirmAtStart(client)
      cluster.refusal = undefined
      cluster.uid = "theirs"
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* reasonOf(guard.client.get(checkout)))._tag, "WrongCluster")
    })
  )

  it.effect("writes nothing while the database cannot say which cluster it belongs to", () =>
    Effect.gen(function* () {
      const { client } = yield* guarded()
      const { client: unsure } = ClusterIdentity.guard(client, () => Effect.fail({ message: "disk full" }))
      const error = yield* Effect.flip(unsure.apply(scale))
      assert.deepStrictEqual([error.reason, error.retryable], [{ _tag: "WrongCluster", why: "unconfirmed" }, true])
    })
  )

  it.effect("costs one request for each write, and none for reads and dry runs of a confirmed cluster", () =>
    Effect.gen(function* () {
      const { client, cluster, guard } = yield* guarded()
      yield* guard.confirmAtStart(client)
      cluster.requests.length = 0
      yield* guard.client.get(checkout)
      yield* guard.client.apply(scale, { dryRun: true })
      yield* guard.client.apply(scale)
      assert.deepStrictEqual(cluster.requests, [
        "get Deployment",
        "dry-run patch Deployment",
        "get Namespace",
        "patch Deployment"
      ])
    })
  )
})
