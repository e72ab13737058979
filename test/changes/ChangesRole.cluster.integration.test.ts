/**
 * The roles `kubernaut-changes` and `kubernaut-changes-secrets` of `deploy/rbac.yaml` on a real API server: what the
 * journal watches as the ServiceAccount of the service, and what it says about kinds that it may not watch.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { KubeConfig, type KubernetesObject as Manifest, KubernetesObjectApi } from "@kubernetes/client-node"
import { Effect, Fiber, Layer } from "effect"
import { ChangeJournal } from "../../src/changes/ChangeJournal.ts"
import * as ChangeWatcher from "../../src/changes/ChangeWatcher.ts"
import * as GraphReader from "../../src/changes/GraphReader.ts"
import { watchedKinds } from "../../src/changes/WatchedKinds.ts"
import { rightsFindings } from "../../src/cli/commands/DoctorRights.ts"
import * as Timestamp from "../../src/domain/Timestamp.ts"
import type { Permission, PolicyRule } from "../../src/kubernetes/Access.ts"
import { inNamespace } from "../../src/kubernetes/AccessRules.ts"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { eventually } from "../execution/realCluster.ts"
import { controlPlane } from "../kubernetes/controlPlane.ts"
import { manifests, rulesOf, serviceKubeconfig, without } from "../kubernetes/LeastRole.ts"

const plane = await controlPlane()
const directory = mkdtempSync(join(tmpdir(), "kubernaut-changes-role-"))
const kubeconfig = join(directory, "kubeconfig")

const adminConfig = (): KubeConfig => {
  const config = new KubeConfig()
  config.loadFromFile(plane.kubeconfig)
  return config
}
const objects = () => KubernetesObjectApi.makeApiClient(adminConfig())

const bindingOfSecrets = {
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRoleBinding",
  metadata: { name: "kubernaut-changes-secrets" },
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "kubernaut-changes-secrets" },
  subjects: [{ kind: "ServiceAccount", name: "kubernaut", namespace: "kubernaut" }]
}

const asService = <A, E>(effect: Effect.Effect<A, E, KubernetesClient>) =>
  Effect.provide(effect, Layer.orDie(ClientNode.layer({ kubeconfig })))

/** The kinds that a journal of this service does not watch, with the reasons, are exactly these. */
const unwatchedAre = (expected: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const { run } = yield* ChangeWatcher.ChangeWatcher
    const journal = yield* ChangeJournal
    const fiber = yield* Effect.forkChild(run)
    const open = Effect.map(
      Effect.flatMap(Timestamp.now, (now) => journal.gaps(watchedKinds, now)),
      (gaps) => gaps.flatMap(({ kind, reason, to }) => (to === null ? [`${kind} ${reason}`] : [])).toSorted()
    )
    const lines = Object.entries(expected)
      .map(([kind, reason]) => `${kind} ${reason}`)
      .toSorted()
    yield* eventually(`only these are not watched: ${lines.join(", ")}`, open, (found) => found.join() === lines.join())
    yield* Fiber.interrupt(fiber)
  }).pipe(Effect.provide(ChangeWatcher.layer().pipe(Layer.provide(Storage.layerMemory))), Effect.scoped, asService)

const notInstalled = { Gateway: "not-served", GRPCRoute: "not-served", HTTPRoute: "not-served" }

/** Replaces the rules of the role while an effect runs. */
const withRules = <A, E>(permission: Permission, effect: Effect.Effect<A, E>) => {
  const replace = (rules: ReadonlyArray<PolicyRule>, allowed: boolean) =>
    Effect.gen(function* () {
      yield* Effect.promise(async () => {
        const api = objects()
        const metadata = { name: "kubernaut-changes" }
        const role = await api.read({ apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata })
        await api.replace({ ...role, rules } as Manifest)
      })
      yield* eventually(
        "the role is in force",
        Effect.flatMap(KubernetesClient, ({ rights }) => rights!.may(inNamespace(permission, ""))),
        (may) => may === allowed
      ).pipe(asService)
    })
  const rules = rulesOf("kubernaut-changes")
  return Effect.acquireUseRelease(
    replace(without(rules, permission), false),
    () => effect,
    () => Effect.orDie(replace(rules, true))
  )
}

const doctor = asService(
  Effect.flatMap(KubernetesClient, (client) =>
    Effect.map(rightsFindings({ changes: "on", cluster: "kubeconfig", mode: "auto" }, client), (findings) =>
      findings.map(({ check, message, result }) => ({ check, message, result }))
    )
  )
)

describe.skipIf(!plane.available)(`the role to record changes on a real API server${plane.note}`, () => {
  beforeAll(async () => {
    const api = objects()
    for (const manifest of manifests) await api.create(manifest as unknown as Manifest)
    writeFileSync(kubeconfig, await serviceKubeconfig(adminConfig()))
  }, 180_000)
  afterAll(async () => {
    rmSync(directory, { recursive: true })
    const api = objects()
    for (const manifest of manifests)
      if (manifest.metadata.namespace === undefined) await api.delete(manifest as unknown as Manifest)
    await plane.stop()
  })

  it.live("lets the service watch every kind that the cluster has, but for Secrets", () =>
    unwatchedAre({ ...notInstalled, Secret: "forbidden" })
  )

  it.live("and lets it read all that an alert's target depends on", () =>
    Effect.gen(function* () {
      const client = yield* KubernetesClient
      const starts = [{ namespace: "default", kind: "Deployment", name: "absent" }]
      assert.deepStrictEqual((yield* GraphReader.read(client, { starts, within: "5 seconds" })).unread, [])
    }).pipe(asService)
  )

  it.live(
    "needs both its verbs on each kind: without one, this kind is a gap, and only this kind",
    () =>
      Effect.gen(function* () {
        const missing: ReadonlyArray<Permission> = [
          { verb: "list", kind: "ConfigMap" },
          { verb: "watch", kind: "Role" },
          { verb: "watch", kind: "Node" }
        ]
        for (const permission of missing)
          yield* withRules(
            permission,
            Effect.gen(function* () {
              yield* unwatchedAre({ ...notInstalled, Secret: "forbidden", [permission.kind]: "forbidden" })
              const journal = (yield* doctor).find(({ check }) => check === "change journal")
              assert.strictEqual(journal?.result, "warning")
              assert.include(journal?.message, `${permission.verb} ${permission.kind.toLowerCase()}s`)
            })
          )
      }),
    180_000
  )

  it.live(
    "and that of Secrets are no more than doctor says is needed",
    () =>
      Effect.gen(function* () {
        const without = yield* doctor
        assert.deepStrictEqual(
          without.map(({ result }) => result),
          ["ok", "ok", "ok", "ok"],
          JSON.stringify(without)
        )
        assert.include(without[3]?.message, "kubernaut-changes-secrets")
        const api = objects()
        yield* Effect.promise(() => api.create(bindingOfSecrets as unknown as Manifest))
        yield* eventually(
          "the binding is in force",
          asService(
            Effect.flatMap(KubernetesClient, ({ rights }) =>
              rights!.may({ verb: "watch", kind: "Secret", namespace: "" })
            )
          ),
          (may) => may
        )
        yield* unwatchedAre(notInstalled)
        const bound = yield* doctor
        assert.deepStrictEqual(bound.map(({ message, result }) => [result, message]).slice(2), [
          ["ok", "no more than needed"],
          ["ok", "changes of all kinds may be watched"]
        ])
        yield* Effect.promise(() => api.delete(bindingOfSecrets as unknown as Manifest))
      }),
    180_000
  )
})
