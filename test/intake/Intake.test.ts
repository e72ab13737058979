import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as Intake from "../../src/intake/Intake.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { StorageError } from "../../src/storage/StorageError.ts"
import { eitherWay } from "../resilience/WallClock.ts"
import { alert, ended, keyOf, makeIntake, of, post, receive, statuses, wrapping } from "./intaking.ts"

describe("Intake", () => {
  it.effect("returns the results in the order of the alerts", () =>
    Effect.gen(function* () {
      const { run } = yield* makeIntake()
      yield* run(receive(post(alert("1", "a"))))
      const mixed = post(ended("9", "z"), alert("2", "b"), ended("1", "a"), alert("1", "a"), alert("3", "b"))
      assert.deepStrictEqual(yield* run(statuses(mixed)), [
        "9 resolved",
        "2 accepted",
        "1 resolved",
        "1 duplicate",
        "3 accepted"
      ])
    })
  )

  it.effect("returns the remediation of each alert, except for unknown resolved alerts", () =>
    Effect.gen(function* () {
      const { run } = yield* makeIntake()
      const first = yield* run(receive(post(alert("1", "a"), alert("2", "a"))))
      const [one, two] = first.results
      const again = yield* run(receive(post(ended("2", "a"), ended("9", "z"), alert("1", "a"))))
      assert.deepStrictEqual(again.results, [
        { fingerprint: "2", status: "resolved", remediationId: two!.remediationId! },
        { fingerprint: "9", status: "resolved" },
        { fingerprint: "1", status: "duplicate", remediationId: one!.remediationId! }
      ])
    })
  )

  it.effect("reports each target with new or changed work once, after the commit, and reports no repeats", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const { fired, run } = yield* makeIntake()
      yield* run(receive(post(alert("1", "a"), alert("2", "b"), alert("3", "a"))))
      yield* run(receive(post(alert("1", "a"), alert("2", "b"))))
      yield* run(receive(post(ended("2", "b"), ended("9", "z"))))
      assert.deepStrictEqual(fired, [[keyOf("a"), keyOf("b")], [keyOf("b")]])

      const store = yield* Layer.build(Storage.layerMemory)
      const looking = Intake.layer({
        cluster: "test",
        onAccepted: () =>
          Effect.flatMap(RemediationStore, (open) => open.openTargets).pipe(
            Effect.orDie,
            Effect.map((targets) => seen.push(targets)),
            Effect.provide(store)
          )
      }).pipe(Layer.provide(Layer.succeedContext(store)))
      yield* Effect.provide(receive(post(alert("1", "a"))), looking)
      assert.deepStrictEqual(seen, [[keyOf("a")]])
    })
  )

  it.effect("publishes every alert once, with its severity and source", () =>
    Effect.gen(function* () {
      const { received, run } = yield* makeIntake()
      yield* run(receive(post(of("1", "critical"), of("1", "critical"), ended("2", "x")), "alertmanager"))
      assert.deepStrictEqual(received, [
        { status: "accepted", severity: "critical", source: "alertmanager" },
        { status: "duplicate", severity: "critical", source: "alertmanager" },
        { status: "resolved", severity: "warning", source: "alertmanager" }
      ])
    })
  )

  it.effect(
    "joins 10,000 alerts about one Deployment to one remediation and stores them all",
    () =>
      Effect.gen(function* () {
        const { fired, run } = yield* makeIntake()
        const storm = post(...Array.from({ length: 10_000 }, (_, index) => alert(`f${index}`, "checkout")))
        const { results, shed } = yield* run(receive(storm))
        assert.strictEqual(shed, 0)
        assert.deepStrictEqual(
          results.map((result) => result.fingerprint),
          storm.alerts.map((each) => each.fingerprint)
        )
        assert.isTrue(results.every((result) => result.status === "accepted"))
        assert.strictEqual(new Set(results.map((result) => result.remediationId)).size, 10_000)
        yield* run(
          Effect.gen(function* () {
            const store = yield* RemediationStore
            assert.deepStrictEqual(yield* store.openTargets, [keyOf("checkout")])
            assert.strictEqual((yield* store.joinedAlerts(results[0]!.remediationId!, 20_000)).length, 9_999)
          })
        )
        assert.deepStrictEqual([...new Set(fired.flat())], [keyOf("checkout")])
        assert.deepStrictEqual(
          [...new Set((yield* run(receive(storm))).results.map((result) => result.status))],
          ["duplicate"]
        )
        // This takes one second on an idle machine.
      }),
    30_000
  )

  it.effect("stores other posts while a large post is in progress", () =>
    Effect.gen(function* () {
      const { run } = yield* makeIntake()
      const order: Array<string> = []
      const storm = post(...Array.from({ length: 2000 }, (_, index) => alert(`f${index}`, `d${index}`)))
      yield* run(
        Effect.all(
          [
            Effect.map(receive(storm), () => order.push("storm")),
            Effect.map(receive(post(alert("one", "one"))), () => order.push("one"))
          ],
          { concurrency: "unbounded" }
        )
      )
      assert.deepStrictEqual(order, ["one", "storm"])
    })
  )

  it.effect("sheds by severity as the queue fills, and returns when to retry", () =>
    Effect.gen(function* () {
      const { run } = yield* makeIntake({ capacity: 10, retryAfterMs: 7000 })
      const each = ["i", "w", "c"] as const
      const severities = { i: "info", w: "warning", c: "critical" }
      const rounds = Array.from({ length: 5 }, (_, round) =>
        each.map((letter) => of(`${letter}${round}`, severities[letter]))
      ).flat()
      const { results, retryAfterMs, shed } = yield* run(receive(post(...rounds)))
      const kept = results.filter((result) => result.status === "accepted").map((result) => result.fingerprint)
      // Five alerts of any severity, then warnings up to eight, then critical alerts up to ten.
      assert.deepStrictEqual(kept, ["i0", "w0", "c0", "i1", "w1", "c1", "w2", "c2", "c3", "c4"])
      assert.strictEqual(shed, 5)
      assert.strictEqual(retryAfterMs, 7000)
    })
  )

  it.effect("sheds only new alerts when the queue is full, and still accepts repeats and resolved alerts", () =>
    Effect.gen(function* () {
      const { run } = yield* makeIntake({ capacity: 2 })
      yield* run(receive(post(of("1", "critical"), of("2", "critical"))))
      const full = post(of("1", "critical"), of("3", "critical"), ended("2", "2"))
      assert.deepStrictEqual(yield* run(statuses(full)), ["1 duplicate", "3 shed", "2 resolved"])
      const all = yield* run(receive(post(of("4", "critical"))))
      assert.strictEqual(all.shed, all.results.length)
      const store = yield* run(Effect.flatMap(RemediationStore, (open) => open.list({ limit: 10 })))
      assert.strictEqual(store.items.length, 2)
    })
  )

  it.effect("sheds the whole post of a source above its rate, and no alert of another source", () =>
    Effect.gen(function* () {
      const { run } = yield* makeIntake({ rateLimit: { perSecond: 1, burst: 2 } })
      const of = (source: string, ...names: ReadonlyArray<string>) =>
        Effect.map(receive(post(...names.map((name) => alert(name, name))), source), ({ retryAfterMs, shed }) => [
          shed,
          retryAfterMs
        ])
      assert.deepStrictEqual(yield* run(of("a", "1", "2")), [0, undefined])
      assert.deepStrictEqual(yield* run(of("a", "3", "4")), [2, 2000])
      assert.deepStrictEqual(yield* run(of("b", "5", "6")), [0, undefined])
      yield* TestClock.adjust(2000)
      assert.deepStrictEqual(yield* run(of("a", "3", "4")), [0, undefined])
    })
  )

  it.effect("refills the bucket of a source by the monotonic clock, even when the wall clock jumps", () =>
    eitherWay((jump) =>
      Effect.gen(function* () {
        const { run } = yield* makeIntake({ rateLimit: { perSecond: 1, burst: 2 } })
        const of = (...names: ReadonlyArray<string>) =>
          Effect.map(receive(post(...names.map((name) => alert(name, name)))), ({ retryAfterMs, shed }) => [
            shed,
            retryAfterMs
          ])
        assert.deepStrictEqual(yield* run(of("1", "2")), [0, undefined])
        yield* jump
        assert.deepStrictEqual(yield* run(of("3", "4")), [2, 2000])
        yield* TestClock.adjust(2000)
        assert.deepStrictEqual(yield* run(of("3", "4")), [0, undefined])
      }).pipe(Effect.scoped)
    )
  )

  it.effect("keeps the committed alerts when storage fails partway through a post, and a retry adds the rest", () =>
    Effect.gen(function* () {
      let calls = 0
      const failingOnce = wrapping((store) => ({
        ...store,
        accept: (alerts, at) =>
          ++calls === 2
            ? Effect.fail(new StorageError({ reason: "full", operation: "accept", retryable: true, committed: "no" }))
            : store.accept(alerts, at)
      }))
      const { fired, received, run } = yield* makeIntake({}, failingOnce)
      const large = post(...Array.from({ length: 500 }, (_, index) => alert(`f${index}`, `d${index}`)))
      assert.strictEqual((yield* Effect.flip(run(receive(large)))).reason, "full")
      assert.strictEqual(fired.flat().length, 200)
      assert.deepStrictEqual(received, [])
      const { results } = yield* run(receive(large))
      assert.strictEqual(results.filter((result) => result.status === "duplicate").length, 200)
      assert.strictEqual(results.filter((result) => result.status === "accepted").length, 300)
      assert.strictEqual(new Set(fired.flat()).size, 500)
    })
  )

  it.effect("computes the fingerprint from the full labels, and stores truncated labels", () =>
    Effect.gen(function* () {
      const { run } = yield* makeIntake()
      const labels = (tail: string) => ({
        alertname: "A",
        namespace: "shop",
        deployment: "checkout",
        long: "x".repeat(5000) + tail
      })
      const { results } = yield* run(
        receive(
          post(
            alert("", "", { labels: labels("1") }),
            alert("", "", { labels: labels("2") }),
            alert("", "", { labels: labels("1") })
          )
        )
      )
      assert.deepStrictEqual(
        results.map((result) => result.status),
        ["accepted", "accepted", "duplicate"]
      )
      const stored = yield* run(Effect.flatMap(RemediationStore, (store) => store.get(results[0]!.remediationId!)))
      assert.isBelow(Option.getOrThrow(stored).alert.labels["long"]!.length, 2000)
    })
  )

  it.effect("finds the target in labels beyond the stored limit", () =>
    Effect.gen(function* () {
      const { run } = yield* makeIntake()
      const many = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`a${index}`, "v"]))
      yield* run(receive(post(alert("1", "a", { labels: { ...many, namespace: "shop", deployment: "checkout" } }))))
      assert.deepStrictEqual(yield* run(Effect.flatMap(RemediationStore, (store) => store.openTargets)), [
        keyOf("checkout")
      ])
    })
  )

  const Letter = Schema.Literals(["a", "b", "c"])
  const AnyAlert = Schema.Struct({
    fingerprint: Letter,
    deployment: Letter,
    minute: Schema.Literals([0, 1]),
    resolved: Schema.Boolean
  })

  it.effect.prop(
    "loses no alert and accepts none twice until it is resolved, however the alerts are split into posts",
    [Schema.Array(Schema.Array(AnyAlert))],
    ([posts]) =>
      Effect.gen(function* () {
        const { run } = yield* makeIntake()
        yield* TestClock.setTime(Date.UTC(2026, 10, 24, 4))
        /** The remediation of each alert that fires. */
        const firing = new Map<string, string>()
        const accepted: Array<string> = []
        for (const alerts of posts) {
          yield* TestClock.adjust("1 minute")
          const { results } = yield* run(
            receive(
              post(
                ...alerts.map(({ deployment, fingerprint, minute, resolved }) =>
                  alert(fingerprint, deployment, {
                    startsAt: `2026-11-24T03:0${minute}:00Z`,
                    status: resolved ? "resolved" : "firing"
                  })
                )
              )
            )
          )
          assert.deepStrictEqual(
            results.map((result) => result.fingerprint),
            alerts.map((each) => each.fingerprint)
          )
          for (const [index, { fingerprint, resolved }] of alerts.entries()) {
            if (resolved) continue
            const { remediationId, status } = results[index]!
            assert.strictEqual(status, firing.has(fingerprint) ? "duplicate" : "accepted")
            assert.strictEqual(remediationId, firing.get(fingerprint) ?? remediationId)
            firing.set(fingerprint, remediationId!)
            if (status === "accepted") accepted.push(remediationId!)
          }
          for (const [index, { fingerprint, resolved }] of alerts.entries()) {
            if (!resolved) continue
            assert.strictEqual(results[index]!.status, "resolved")
            firing.delete(fingerprint)
          }
        }
        const listed = yield* run(Effect.flatMap(RemediationStore, (store) => store.list({ limit: 1000 })))
        assert.deepStrictEqual(listed.items.map((item) => String(item.id)).sort(), accepted.sort())
      })
  )
})
