/**
 * As whom Kubernaut acts on a real API server: a token that was rotated, a token that is not valid, another identity
 * that the operator listed, and a right that is taken away just before the write.
 */

import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, describe, layer as shareLayer } from "@effect/vitest"
import { KubeConfig, type KubernetesObject, KubernetesObjectApi } from "@kubernetes/client-node"
import { Effect, Layer } from "effect"
import type { ResourceRef } from "../../src/domain/Target.ts"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import type { IdentityChange } from "../../src/kubernetes/Identities.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import * as real from "../execution/realCluster.ts"
import { type Identity, make as makeIdentity, patchable, readable } from "../integration/ClusterIdentity.ts"
import { temporaryDirectory } from "../integration/Service.ts"
import { controlPlane } from "../kubernetes/controlPlane.ts"
import { beforeTheWrite, service } from "./realRemediation.ts"

const plane = await controlPlane()
afterAll(plane.stop)

const { namespace, on } = real

const adminConfig = () => {
  const config = new KubeConfig()
  config.loadFromFile(plane.kubeconfig)
  return config
}

/** A kubeconfig with one context for each token, in order. The first is the current one. */
const write = (path: string, tokens: Readonly<Record<string, string>>): void => {
  const { caData, server } = adminConfig().getCurrentCluster()!
  const names = Object.keys(tokens)
  writeFileSync(
    path,
    JSON.stringify({
      clusters: [{ name: "c", cluster: { server, "certificate-authority-data": caData } }],
      users: names.map((name) => ({ name, user: { token: tokens[name] } })),
      contexts: names.map((name) => ({ name, context: { cluster: "c", user: name } })),
      "current-context": names[0]
    })
  )
}

const asClient = (options: ClientNode.ClientNodeOptions) => Effect.provide(Layer.orDie(ClientNode.layer(options)))

const identity = (space: string, rules: ReadonlyArray<unknown>) =>
  Effect.andThen(
    Effect.promise(() =>
      KubernetesObjectApi.makeApiClient(adminConfig()).create({
        apiVersion: "v1",
        kind: "Namespace",
        metadata: { name: `${namespace}-${space}` }
      })
    ),
    makeIdentity(adminConfig(), `${namespace}-${space}`, rules)
  )

const notAToken = "not-a-token"

const scaled = Effect.fnUntraced(function* (
  name: string,
  options: Parameters<typeof service>[0],
  path?: Parameters<typeof service>[2]
) {
  const target = on("Deployment", name)
  yield* real.deploy(name)
  const before = yield* real.get(target)
  const { begin } = yield* service(options, { actors: { patience: "3 seconds" } }, path)
  const run = yield* begin({
    labels: { namespace, deployment: name },
    propose: () => ({ type: "ScaleWorkload", target, replicas: 3 })
  })
  return { target, before, run }
})

const unchanged = Effect.fnUntraced(function* (target: ResourceRef, before: { readonly metadata: object }) {
  const after = yield* real.get(target)
  assert.deepStrictEqual(after.metadata.generation, (before.metadata as { readonly generation?: number }).generation)
  assert.notProperty(after.metadata.annotations ?? {}, "kubernaut.dev/execution")
})

/** Takes the right to patch away, and waits until the API server goes by it. */
const withoutPatch = (space: string, reader: Identity) =>
  Effect.gen(function* () {
    const role = {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: `kubernaut-${namespace}-${space}` },
      rules: readable
    } as KubernetesObject
    yield* Effect.promise(() => KubernetesObjectApi.makeApiClient(adminConfig()).patch(role))
    const { rights } = yield* KubernetesClient
    yield* real.eventually(
      "the right is gone",
      rights!.may({ verb: "patch", kind: "Deployment", namespace }),
      (allowed) => !allowed
    )
  }).pipe(asClient({ kubeconfig: reader.kubeconfig }))

describe.skipIf(!plane.available)(`the identities of the service on a real API server${plane.note}`, () => {
  shareLayer(real.services(plane.kubeconfig), { excludeTestServices: true })((it) => {
    it.effect("starts with a namespace that accepts pods", () => real.openNamespace)

    it.effect("a token that was rotated since the start is read again", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const self = yield* identity("rotated", readable)
          const kubeconfig = join(yield* temporaryDirectory, "kubeconfig")
          write(kubeconfig, { self: notAToken })
          const error = yield* Effect.gen(function* () {
            const client = yield* KubernetesClient
            write(kubeconfig, { self: self.token })
            yield* client.list("Deployment", { namespace })
            write(kubeconfig, { self: notAToken })
            return yield* Effect.flip(client.list("Secret", { namespace }))
          }).pipe(asClient({ kubeconfig }))
          // The token that was read last is still used: only a 401 leads to another look.
          assert.notStrictEqual(error.reason._tag, "Unauthorized")
        })
      )
    )

    it.effect(
      "after a 401 the identity that is listed next carries the action out, and the change is reported",
      () =>
        Effect.scoped(
          Effect.gen(function* () {
            const other = yield* identity("next", [...readable, ...patchable])
            const kubeconfig = join(yield* temporaryDirectory, "kubeconfig")
            write(kubeconfig, { expired: notAToken, other: other.token })
            const changes: Array<IdentityChange> = []
            const { before, run, target } = yield* scaled("next", {
              kubeconfig,
              identities: ["other"],
              onIdentity: (change) => Effect.sync(() => void changes.push(change))
            })
            yield* run.written
            yield* run.resolve
            const ended = yield* run.outcome
            assert.strictEqual(ended.state, "Remediated", ended.conclusion)
            assert.deepStrictEqual(changes, [{ from: "expired", to: "other" }])
            assert.strictEqual((yield* real.get(target)).metadata.generation, before.metadata.generation! + 1)
          })
        ),
      180_000
    )

    it.effect(
      "without a valid identity nothing is written, and a person is told",
      () =>
        Effect.scoped(
          Effect.gen(function* () {
            const kubeconfig = join(yield* temporaryDirectory, "kubeconfig")
            write(kubeconfig, { expired: notAToken })
            const { before, run, target } = yield* scaled("unauthorized", { kubeconfig })
            const ended = yield* run.outcome
            assert.strictEqual(ended.state, "Escalated", ended.conclusion)
            assert.match(ended.conclusion!, /credentials|could not be read/)
            assert.notInclude(JSON.stringify(ended), notAToken)
            yield* unchanged(target, before)
          })
        ),
      180_000
    )

    it.effect(
      "a right that is missing is said before the write, and no other identity is tried for it",
      () =>
        Effect.scoped(
          Effect.gen(function* () {
            const reader = yield* identity("reader", readable)
            const writer = yield* identity("writer", [...readable, ...patchable])
            const kubeconfig = join(yield* temporaryDirectory, "kubeconfig")
            write(kubeconfig, { reader: reader.token, writer: writer.token })
            const changes: Array<IdentityChange> = []
            const { before, run, target } = yield* scaled("forbidden", {
              kubeconfig,
              identities: ["writer"],
              onIdentity: (change) => Effect.sync(() => void changes.push(change))
            })
            const ended = yield* run.outcome
            assert.strictEqual(ended.state, "Escalated", ended.conclusion)
            assert.include(ended.conclusion, "RBAC does not let Kubernaut patch deployments.apps")
            assert.deepStrictEqual(ended.executions, [])
            assert.deepStrictEqual(changes, [])
            yield* unchanged(target, before)
          })
        ),
      180_000
    )

    it.effect(
      "a right that is taken away just before the write is forbidden: a person gets the missing rule",
      () =>
        Effect.scoped(
          Effect.gen(function* () {
            const self = yield* identity("narrowed", [...readable, ...patchable])
            const { before, run, target } = yield* scaled(
              "narrowed",
              { kubeconfig: self.kubeconfig },
              beforeTheWrite(withoutPatch("narrowed", self))
            )
            const ended = yield* run.outcome
            assert.strictEqual(ended.state, "Escalated", ended.conclusion)
            const [{ outcome } = { outcome: undefined }] = ended.executions
            assert.deepInclude(outcome, { applied: "no", failure: "forbidden", category: "policy" })
            assert.include(ended.conclusion, 'resources: ["deployments"], verbs: ["patch"]')
            yield* unchanged(target, before)
          })
        ),
      180_000
    )
  })
})
