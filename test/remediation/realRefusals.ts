/** What makes a real API server refuse a write of Kubernaut, and only a write: dry runs are admitted. */

import { readFileSync } from "node:fs"
import { KubeConfig, type KubernetesObject, KubernetesObjectApi } from "@kubernetes/client-node"
import { Effect } from "effect"
import type { ResourceRef } from "../../src/domain/Target.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import * as real from "../execution/realCluster.ts"
import { tlsFile } from "../kubernetes/TlsServer.ts"

/**
 * The reasons that a ValidatingAdmissionPolicy may give (it may not give 401), by the name of the Deployments that it
 * refuses.
 */
const policies = {
  "vap-422": undefined,
  "vap-403": "Forbidden",
  "vap-413": "RequestEntityTooLarge"
} as const
const webhooks = ["webhook-denies", "webhook-down", "webhook-returns"] as const

/** The Deployments whose name is one of these, or begins with it, cannot be written. */
export const names: ReadonlyArray<string> = [...Object.keys(policies), ...webhooks]

const isWriteOf = (name: string) => [
  { name: "writes", expression: "request.dryRun != true" },
  { name: "kubernaut", expression: "request.options.fieldManager == 'kubernaut'" },
  { name: "object", expression: `object.metadata.name.startsWith('${name}')` }
]

const rules = [{ apiGroups: ["apps"], apiVersions: ["v1"], operations: ["UPDATE"], resources: ["deployments"] }]

type Manifest = KubernetesObject & Readonly<Record<string, unknown>>

const admission = "admissionregistration.k8s.io/v1"

let created: ReadonlyArray<Manifest> = []

const manifestsOf = (namespace: string, port: number): ReadonlyArray<Manifest> => {
  const namespaceSelector = { matchLabels: { "kubernetes.io/metadata.name": namespace } }
  return [
    ...Object.entries(policies).flatMap(([name, reason]): ReadonlyArray<Manifest> => [
      {
        apiVersion: admission,
        kind: "ValidatingAdmissionPolicy",
        metadata: { name: `${namespace}-${name}` },
        spec: {
          matchConstraints: { resourceRules: rules },
          matchConditions: isWriteOf(name),
          validations: [{ expression: "false", message: "no", ...(reason === undefined ? {} : { reason }) }]
        }
      },
      {
        apiVersion: admission,
        kind: "ValidatingAdmissionPolicyBinding",
        metadata: { name: `${namespace}-${name}` },
        spec: {
          policyName: `${namespace}-${name}`,
          validationActions: ["Deny"],
          matchResources: { namespaceSelector }
        }
      }
    ]),
    ...webhooks.map((name): Manifest => ({
      apiVersion: admission,
      kind: "ValidatingWebhookConfiguration",
      metadata: { name: `${namespace}-${name}` },
      webhooks: [
        {
          name: `${name}.example.com`,
          clientConfig: {
            url: `https://127.0.0.1:${name === "webhook-denies" ? port : 1}/`,
            caBundle: readFileSync(tlsFile("ca.pem")).toString("base64")
          },
          rules,
          matchConditions: isWriteOf(name),
          namespaceSelector,
          admissionReviewVersions: ["v1"],
          sideEffects: "None",
          failurePolicy: "Fail",
          timeoutSeconds: 2
        }
      ]
    }))
  ]
}

const objects = (kubeconfig: string) => {
  const config = new KubeConfig()
  config.loadFromFile(kubeconfig)
  return KubernetesObjectApi.makeApiClient(config)
}

/** Creates the policies and webhooks. `port` is that of the webhook that denies. */
export const create = async (kubeconfig: string, namespace: string, port: number): Promise<void> => {
  const api = objects(kubeconfig)
  for (const manifest of manifestsOf(namespace, port)) {
    await api.create(manifest)
    created = [...created, manifest]
  }
}

/** Removes one webhook, as its owner does who repairs it. */
export const removeWebhook = async (kubeconfig: string, name: string): Promise<void> => {
  const isIt = ({ metadata }: Manifest) => metadata?.name?.endsWith(name) === true
  for (const manifest of created.filter(isIt)) await objects(kubeconfig).delete(manifest)
  created = created.filter((manifest) => !isIt(manifest))
}

export const remove = async (kubeconfig: string): Promise<void> => {
  for (const manifest of created) await objects(kubeconfig).delete(manifest)
}

/** Deletes an object and waits until it is gone. */
export const deleted = Effect.fnUntraced(function* (ref: ResourceRef) {
  const client = yield* KubernetesClient
  const { metadata } = yield* client.get(ref)
  yield* client.apply({ _tag: "Delete", ref, uid: metadata.uid })
  yield* real.eventually(`${ref.name} is gone`, Effect.result(client.get(ref)), ({ _tag }) => _tag === "Failure")
})

/** A budget that lets no pod of an app go. */
export const budget = Effect.fnUntraced(function* (app: string, name: string) {
  yield* real.create("PodDisruptionBudget", name, "policy/v1", {
    spec: { minAvailable: "100%", selector: { matchLabels: { app } } }
  })
  yield* real.eventually(
    "the budget is computed",
    real.get(real.on("PodDisruptionBudget", name)),
    (object) => (object["status"] as { readonly expectedPods?: number }).expectedPods === 1
  )
})
