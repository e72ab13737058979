/**
 * The change journal on a real API server: what people do is recorded with its fields, its time and its writer, also
 * while the service does not run, and an interval that was not watched is never called quiet.
 */

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import {
  KubeConfig,
  type KubernetesObject as Manifest,
  KubernetesObjectApi,
  PatchStrategy
} from "@kubernetes/client-node"
import { Effect, Fiber, Layer, Stream } from "effect"
import { afterAll } from "vitest"
import { ChangeJournal } from "../../src/changes/ChangeJournal.ts"
import * as ChangeWatcher from "../../src/changes/ChangeWatcher.ts"
import { suspectKinds } from "../../src/changes/SuspectFinder.ts"
import { watchedKinds } from "../../src/changes/WatchedKinds.ts"
import { display } from "../../src/domain/FieldPath.ts"
import type { ObjectChange } from "../../src/domain/ObjectChange.ts"
import type { ResourceRef } from "../../src/domain/Target.ts"
import * as Timestamp from "../../src/domain/Timestamp.ts"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import { KubernetesClient, KubernetesError } from "../../src/kubernetes/KubernetesClient.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { eventually } from "../execution/realCluster.ts"
import { controlPlane } from "../kubernetes/controlPlane.ts"

const plane = await controlPlane()
const directory = mkdtempSync(join(tmpdir(), "kubernaut-journal-"))
afterAll(async () => {
  rmSync(directory, { recursive: true })
  await plane.stop()
})

type Client = KubernetesClient["Service"]
type Fields = Readonly<Record<string, unknown>>

const namespace = `journal-${Date.now().toString(36)}`
const on = (kind: string, name: string): ResourceRef => ({ namespace, kind, name })
const long = "1970-01-01T00:00:00.000Z"

/** What a person or a tool does, under the name of its field manager. */
const people = () => {
  const config = new KubeConfig()
  config.loadFromFile(plane.kubeconfig)
  const api = KubernetesObjectApi.makeApiClient(config)
  const whole = (kind: string, name: string, rest: Fields): Manifest =>
    ({ apiVersion: kind === "Deployment" ? "apps/v1" : "v1", kind, ...rest, metadata: { name, namespace } }) as Manifest
  const done = (act: () => Promise<unknown>) => Effect.asVoid(Effect.promise(act))
  return {
    openNamespace: done(() => api.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } })),
    create: (kind: string, name: string, rest: Fields, manager = "kubectl-create") =>
      done(() => api.create(whole(kind, name, rest), undefined, undefined, manager)),
    patch: (kind: string, name: string, rest: Fields, manager = "kubectl-patch") =>
      done(() =>
        api.patch(whole(kind, name, rest), undefined, undefined, manager, undefined, PatchStrategy.MergePatch)
      ),
    apply: (kind: string, name: string, rest: Fields, manager = "argocd-controller") =>
      done(() =>
        api.patch(whole(kind, name, rest), undefined, undefined, manager, true, PatchStrategy.ServerSideApply)
      ),
    remove: (kind: string, name: string) => done(() => api.delete(whole(kind, name, {})))
  }
}

const deployment = (name: string, image: string) => ({
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: "main", image: `registry.example/${image}` }] }
    }
  }
})

/** Runs a service process on a database of this test. Its end is a crash. */
const process = <A, E>(
  database: string,
  test: Effect.Effect<A, E, ChangeJournal>,
  of: (client: Client) => Client = (client) => client
) =>
  Effect.gen(function* () {
    const { run } = yield* ChangeWatcher.ChangeWatcher
    const journal = yield* ChangeJournal
    const fiber = yield* Effect.forkChild(run)
    const kinds = suspectKinds.filter((kind) => !forbidden.has(kind))
    yield* eventually("all kinds are watched", journal.gaps(kinds, yield* Timestamp.now), (gaps) =>
      gaps.every(({ to }) => to !== null)
    )
    const result = yield* test
    yield* Fiber.interrupt(fiber)
    return result
  }).pipe(
    Effect.provide(
      ChangeWatcher.layer().pipe(
        Layer.provide(Storage.layerSqlite({ filename: join(directory, database) })),
        Layer.provide(Layer.effect(KubernetesClient, Effect.map(KubernetesClient, of))),
        Layer.provide(Layer.orDie(ClientNode.layer({ kubeconfig: plane.kubeconfig })))
      )
    ),
    Effect.scoped
  )
const forbidden = new Set<string>()

/** The changes of an object, the first one first. */
const changesOf = (ref: ResourceRef) =>
  Effect.flatMap(ChangeJournal, (journal) =>
    Effect.map(journal.list({ refs: [ref], limit: 100 }), (changes) => changes.toReversed())
  )
const recorded = (ref: ResourceRef, count: number) =>
  eventually(`${count} changes of ${ref.name}`, changesOf(ref), (changes) => changes.length >= count)
const gapsOf = (kind: string, since: string = long) =>
  Effect.flatMap(ChangeJournal, (journal) => journal.gaps([kind], since))
const confirm = (kinds: ReadonlyArray<string>) =>
  Effect.flatMap(ChangeJournal, (journal) => Effect.flatMap(Timestamp.now, (now) => journal.confirm(kinds, now)))

const line = ({ by, fields, operation }: ObjectChange): string =>
  [operation, fields.map(({ path }) => display(path)).join(" "), by.kind, by.name ?? ""].filter(Boolean).join(" ")

/** After this time, and before it was seen. The API server dates in whole seconds. */
const isDatedAfter = (change: ObjectChange | undefined, time: string) => {
  const atMs = Timestamp.toMillis(change!.at)
  assert.isAtLeast(atMs, Timestamp.toMillis(time) - 1000, change?.at)
  assert.isAtMost(atMs, Timestamp.toMillis(change!.seenAt) + 1000, change?.at)
}

const expired = (kind: string) =>
  new KubernetesError({ reason: { _tag: "Expired" }, operation: `watch ${kind}`, applied: "no", retryable: true })

/** A cluster that no longer has the events of some kinds, as after a compaction of etcd. */
const forgetting =
  (...kinds: ReadonlyArray<string>) =>
  (client: Client): Client => ({
    ...client,
    watch: (kind, options) =>
      options.from !== undefined && kinds.includes(kind) ? Stream.fail(expired(kind)) : client.watch(kind, options)
  })

describe.skipIf(!plane.available)(`the change journal on a real API server${plane.note}`, () => {
  it.live(
    "records a patch, an apply and a deletion with the fields, the time and the writer",
    () =>
      process(
        "live.db",
        Effect.gen(function* () {
          const person = people()
          yield* person.openNamespace
          const beganAt = yield* Timestamp.now
          yield* person.create("ConfigMap", "settings", { data: { url: "a", keep: "1" } })
          yield* person.patch("ConfigMap", "settings", { data: { url: "b" } })
          yield* person.create("Deployment", "web", deployment("web", "web:v1"))
          yield* recorded(on("ConfigMap", "settings"), 2)
          yield* person.patch("Deployment", "web", { spec: { replicas: 0 } }, "kubectl-edit")
          yield* person.apply("ConfigMap", "settings", { data: { url: "c" } })
          yield* recorded(on("ConfigMap", "settings"), 3)
          yield* person.remove("ConfigMap", "settings")

          const settings = yield* recorded(on("ConfigMap", "settings"), 4)
          assert.deepStrictEqual(settings.map(line), [
            "created person kubectl-create",
            "modified data.url person kubectl-patch",
            "modified data.url gitops argocd-controller",
            "deleted unknown"
          ])
          assert.deepStrictEqual(settings[1]?.fields, [{ path: ["data", "url"], before: "a", after: "b" }])
          assert.deepStrictEqual(settings[3]?.manifest?.["data"], { url: "c", keep: "1" })
          for (const change of settings) isDatedAfter(change, beganAt)
          yield* recorded({ namespace: "", kind: "Namespace", name: namespace }, 1)
          const web = yield* recorded(on("Deployment", "web"), 2)
          assert.deepStrictEqual(web.map(line), [
            "created person kubectl-create",
            "modified spec.replicas person kubectl-edit"
          ])
          // Neither the ReplicaSet nor its pods, statuses or revisions are changes that somebody made.
          const journal = yield* ChangeJournal
          const all = yield* journal.list({ since: beganAt, limit: 1000 })
          assert.deepStrictEqual(
            all.filter(({ ref }) => ref.kind === "ReplicaSet" || ref.kind === "EndpointSlice").map(line),
            []
          )
          const present = journal.present(on("Deployment", "web"))!
          assert.strictEqual((present["spec"] as Fields)["replicas"], 0)
        })
      ),
    180_000
  )

  it.live(
    "records which keys of a Secret changed, and no value",
    () =>
      process(
        "secret.db",
        Effect.gen(function* () {
          const person = people()
          const value = (text: string) => Buffer.from(text).toString("base64")
          yield* person.create("Secret", "db", { data: { password: value("hunter2"), user: value("shop") } })
          yield* recorded(on("Secret", "db"), 1)
          yield* person.patch("Secret", "db", { data: { password: value("swordfish") } })
          const changes = yield* recorded(on("Secret", "db"), 2)
          assert.deepStrictEqual(changes.map(line), [
            "created person kubectl-create",
            "modified data.password person kubectl-patch"
          ])
          assert.deepStrictEqual(changes[1]?.fields, [{ path: ["data", "password"] }])
          const journal = yield* ChangeJournal
          const text = JSON.stringify([changes, journal.present(on("Secret", "db"))])
          for (const secret of ["hunter2", "swordfish"]) {
            assert.notInclude(text, secret)
            assert.notInclude(text, value(secret))
          }
        })
      ),
    180_000
  )

  it.live(
    "continues after a restart without a gap, and dates what happened meanwhile",
    () =>
      Effect.gen(function* () {
        const person = people()
        yield* person.create("ConfigMap", "kept", { data: { a: "1" } })
        yield* person.create("ConfigMap", "gone", { data: { a: "1" } })
        yield* process("restart.db", Effect.sleep("1500 millis"))
        const stoppedAt = yield* Timestamp.now
        yield* person.patch("ConfigMap", "kept", { data: { a: "2" } })
        yield* person.patch("ConfigMap", "kept", { data: { a: "3" } }, "helm")
        yield* person.remove("ConfigMap", "gone")
        yield* Effect.sleep("1 second")
        yield* process(
          "restart.db",
          Effect.gen(function* () {
            const kept = yield* recorded(on("ConfigMap", "kept"), 2)
            assert.deepStrictEqual(kept.map(line), [
              "modified data.a person kubectl-patch",
              "modified data.a person helm"
            ])
            for (const change of kept) isDatedAfter(change, stoppedAt)
            const [deleted] = yield* recorded(on("ConfigMap", "gone"), 1)
            assert.strictEqual(deleted?.operation, "deleted")
            assert.isDefined(deleted?.notBefore)
            assert.deepStrictEqual(yield* gapsOf("ConfigMap", stoppedAt), [])
          })
        )
      }),
    180_000
  )

  it.live(
    "records a gap where the events are gone, and what the list after it shows was changed in it",
    () =>
      Effect.gen(function* () {
        const person = people()
        yield* person.create("ConfigMap", "compacted", { data: { a: "1" } })
        yield* process("compacted.db", Effect.sleep("1500 millis"))
        const stoppedAt = yield* Timestamp.now
        yield* person.patch("ConfigMap", "compacted", { data: { a: "2" } })
        yield* person.patch("ConfigMap", "compacted", { data: { a: "3" } })
        yield* process(
          "compacted.db",
          Effect.gen(function* () {
            const [only, ...others] = yield* recorded(on("ConfigMap", "compacted"), 1)
            // Both edits look like one, made by the last writer, between two times.
            assert.deepStrictEqual(others, [])
            assert.deepStrictEqual(only?.fields, [{ path: ["data", "a"], before: "1", after: "3" }])
            assert.isTrue(only!.notBefore! <= stoppedAt && only!.seenAt >= stoppedAt)
            const [gap, ...more] = yield* gapsOf("ConfigMap", stoppedAt)
            assert.deepStrictEqual([gap?.reason, more.length], ["expired", 0])
            assert.isTrue(gap!.from! <= stoppedAt && gap!.to! >= stoppedAt)
            // Of the other kinds nothing was missed.
            assert.deepStrictEqual(yield* gapsOf("Service", stoppedAt), [])
          }),
          forgetting("ConfigMap")
        )
      }),
    180_000
  )

  it.live(
    "records a gap when the API server itself says that the version is too old",
    () =>
      Effect.gen(function* () {
        yield* process("expired.db", Effect.sleep("1500 millis"))
        const stoppedAt = yield* Timestamp.now
        yield* process(
          "expired.db",
          Effect.gen(function* () {
            const [gap, ...more] = yield* gapsOf("ClusterRole", stoppedAt)
            assert.deepStrictEqual([gap?.reason, more.length], ["expired", 0])
            assert.deepStrictEqual(yield* gapsOf("Service", stoppedAt), [])
          }),
          // The first versions of a cluster are those of its own roles.
          (client) => ({
            ...client,
            watch: (kind, options) =>
              client.watch(
                kind,
                kind === "ClusterRole" && options.from !== undefined ? { ...options, from: "1" } : options
              )
          })
        )
      }),
    180_000
  )

  it.live(
    "a kind that may not be watched is a gap of this kind only, and one that is not installed stops nothing",
    () =>
      Effect.gen(function* () {
        forbidden.add("ConfigMap")
        const refusing = (client: Client): Client => ({
          ...client,
          watch: (kind, options) =>
            kind === "ConfigMap"
              ? Stream.fail(
                  new KubernetesError({
                    reason: { _tag: "Forbidden" },
                    operation: "watch ConfigMap",
                    applied: "no",
                    retryable: false
                  })
                )
              : client.watch(kind, options)
        })
        yield* process(
          "forbidden.db",
          Effect.gen(function* () {
            const beganAt = yield* Timestamp.now
            assert.deepStrictEqual(
              (yield* gapsOf("ConfigMap", beganAt)).map(({ reason, to }) => [reason, to]),
              [["forbidden", null]]
            )
            assert.deepStrictEqual(
              (yield* gapsOf("HTTPRoute", beganAt)).map(({ reason }) => reason),
              ["not-served"]
            )
            yield* people().create("Service", "web", { spec: { ports: [{ port: 80 }] } })
            yield* recorded(on("Service", "web"), 1)
            const journal = yield* ChangeJournal
            const named = (yield* journal.gaps(watchedKinds, beganAt)).map(({ kind }) => kind)
            assert.deepStrictEqual(named.toSorted(), ["ConfigMap", "GRPCRoute", "Gateway", "HTTPRoute"])
          }),
          refusing
        )
        forbidden.clear()
      }),
    180_000
  )

  it.live(
    "confirms in a few seconds that nothing is on its way, and names a watch that is dead",
    () =>
      process(
        "confirm.db",
        Effect.gen(function* () {
          const unconfirmed = Effect.map(confirm(suspectKinds), (gaps) => gaps.map(({ kind }) => kind).join())
          // On a busy machine, an answer may come too late.
          yield* eventually("all kinds are confirmed", unconfirmed, (kinds) => kinds === "")
          yield* people().create("Service", "late", { spec: { ports: [{ port: 80 }] } })
          yield* eventually("only Services are not confirmed", unconfirmed, (kinds) => kinds === "Service")
          const startedMs = performance.now()
          assert.include(yield* unconfirmed, "Service")
          assert.isBelow(performance.now() - startedMs, 5000)
        }),
        // The main watch of Services has lost its connection, and nobody has noticed.
        (client) => ({
          ...client,
          watch: (kind, options) =>
            kind === "Service" && options.from === undefined
              ? Stream.concat(
                  Stream.takeUntil(client.watch(kind, options), ({ type }) => type === "BOOKMARK"),
                  Stream.never
                )
              : client.watch(kind, options)
        })
      ),
    180_000
  )
})
