/** A real API server rejects the token of a deleted ServiceAccount, and the next identity takes over. */

import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { CoreV1Api, KubeConfig, KubernetesObjectApi } from "@kubernetes/client-node"
import { Context, Effect, Layer } from "effect"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import type { IdentityChange } from "../../src/kubernetes/Identities.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import { controlPlane } from "./controlPlane.ts"

const plane = await controlPlane()
const namespace = `identities-${process.hrtime.bigint().toString(36)}`
const directory = join(tmpdir(), `kubernaut-${namespace}`)
const kubeconfig = join(directory, "kubeconfig")
const names = ["first", "second"]

const adminConfig = (): KubeConfig => {
  const config = new KubeConfig()
  config.loadFromFile(plane.kubeconfig)
  return config
}

const rbac = "rbac.authorization.k8s.io"
const manifests = [
  { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
  ...names.map((name) => ({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace } })),
  {
    apiVersion: `${rbac}/v1`,
    kind: "Role",
    metadata: { name: "reader", namespace },
    rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["list"] }]
  },
  {
    apiVersion: `${rbac}/v1`,
    kind: "RoleBinding",
    metadata: { name: "reader", namespace },
    roleRef: { apiGroup: rbac, kind: "Role", name: "reader" },
    subjects: names.map((name) => ({ kind: "ServiceAccount", name, namespace }))
  }
]

const tokenOf = async (name: string): Promise<string> => {
  const request = { namespace, name, body: { spec: { audiences: [], expirationSeconds: 600 } } }
  return (await adminConfig().makeApiClient(CoreV1Api).createNamespacedServiceAccountToken(request)).status?.token ?? ""
}

describe.skipIf(!plane.available)(`identities on a real API server${plane.note}`, () => {
  beforeAll(async () => {
    mkdirSync(directory)
    const api = KubernetesObjectApi.makeApiClient(adminConfig())
    for (const manifest of manifests) await api.create(manifest)
    const { caData, server } = adminConfig().getCurrentCluster()!
    writeFileSync(
      kubeconfig,
      JSON.stringify({
        clusters: [{ name: "c", cluster: { server, "certificate-authority-data": caData } }],
        users: await Promise.all(names.map(async (name) => ({ name, user: { token: await tokenOf(name) } }))),
        contexts: names.map((name) => ({ name, context: { cluster: "c", user: name } })),
        "current-context": "first"
      })
    )
  })
  afterAll(async () => {
    rmSync(directory, { recursive: true })
    await KubernetesObjectApi.makeApiClient(adminConfig()).delete(manifests[0]!)
    await plane.stop()
  })

  it.live("the second takes over once the first is rejected, without an error, and a 403 changes nothing", () =>
    Effect.gen(function* () {
      const changes: Array<IdentityChange> = []
      const context = yield* Layer.build(
        ClientNode.layer({
          kubeconfig,
          identities: ["second"],
          onIdentity: (change) => Effect.sync(() => changes.push(change))
        })
      )
      const client = Context.get(context, KubernetesClient)
      yield* client.list("Pod", { namespace })
      const forbidden = yield* Effect.flip(client.list("Deployment", { namespace }))
      assert.strictEqual(forbidden.reason._tag, "Forbidden")
      assert.deepStrictEqual(changes, [])
      yield* Effect.promise(() =>
        adminConfig().makeApiClient(CoreV1Api).deleteNamespacedServiceAccount({ name: "first", namespace })
      )
      // The API server remembers a token that it has accepted for some seconds.
      for (let second = 0; second < 60 && changes.length === 0; second++) {
        yield* client.list("Pod", { namespace })
        yield* Effect.sleep("1 second")
      }
      assert.deepStrictEqual(changes, [{ from: "first", to: "second" }])
    }).pipe(Effect.scoped)
  )
})
