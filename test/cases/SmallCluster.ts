/** A sandbox with one namespace, the objects of a case, and an investigator that proposes one action. */

import { Context, type Duration, Effect, Fiber, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import type { Action } from "../../src/domain/Action.ts"
import type { Webhook } from "../../src/intake/AlertmanagerWebhook.ts"
import type { Investigator } from "../../src/investigation/Investigator.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import { KubernetesClient, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import * as Storage from "../../src/storage/Storage.ts"

export interface SmallCluster {
  readonly namespace: string
  /** The manifests to create, in order. */
  readonly objects: ReadonlyArray<Record<string, unknown> & Pick<KubernetesObject, "kind">>
  /** Default: the rules decide. */
  readonly proposes?: Action | undefined
  /** How long the cluster runs before the webhook is received. Default a minute. */
  readonly settles?: Duration.Input
  /** What else happens from the webhook on. */
  readonly meanwhile?: (
    service: Kubernaut.Kubernaut["Service"],
    cluster: KubernetesClient["Service"]
  ) => Effect.Effect<void>
}

const proposing = (action: Action): Investigator => ({
  name: "custom",
  investigate: () =>
    Effect.succeed({ investigator: "custom", rootCause: "A test says so.", evidence: [], action, confidence: 0.9 })
})

/** The manifest of a Deployment. */
export const deployment = (namespace: string, name: string, metadata: Record<string, unknown> = {}) => ({
  kind: "Deployment",
  metadata: { namespace, name, ...metadata },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: "app", image: "registry.example/app:v1" }] }
    }
  }
})

/** The manifest of an autoscaler. */
export const autoscaler = (
  namespace: string,
  name: string,
  scaleTargetRef: Record<string, string>,
  metadata: Record<string, unknown> = {}
) => ({
  kind: "HorizontalPodAutoscaler",
  metadata: { namespace, name, ...metadata },
  spec: { scaleTargetRef, minReplicas: 2, maxReplicas: 4 }
})

/** A reference to a controller of another API group. */
export const controlledBy = (apiVersion: string, kind: string, name: string) => ({
  ownerReferences: [{ apiVersion, kind, name, uid: `uid-of-${name}`, controller: true }]
})

/** Handles a webhook in mode auto, and returns how its first remediation ended and every write to the cluster. */
export const remediate = Effect.fnUntraced(function* (webhook: Webhook, small: SmallCluster) {
  const writes: Array<string> = []
  let counts = false
  const sandbox = yield* Layer.build(
    Sandbox.layer({
      shop: false,
      deployments: [{ namespace: small.namespace, name: "neighbour", behaviour: "healthy", replicas: 1 }],
      intercept: ({ dryRun, kind, name, verb }, request) =>
        Effect.suspend(() => {
          if (counts && !dryRun && !["get", "list", "logs", "probe", "review"].includes(verb))
            writes.push(`${verb} ${kind}/${name}`)
          return request
        })
    })
  )
  const client = Context.get(sandbox, KubernetesClient)
  for (const manifest of small.objects) {
    const { name } = manifest["metadata"] as { readonly name: string }
    yield* client.apply({
      _tag: "Create",
      ref: { namespace: small.namespace, kind: manifest.kind, name },
      manifest: manifest as never
    })
  }
  yield* TestClock.adjust(small.settles ?? "1 minute")
  counts = true
  const context = yield* Layer.build(
    Kubernaut.layer({
      cluster: "prod",
      mode: "auto",
      ...(small.proposes === undefined ? {} : { investigators: [proposing(small.proposes)] })
    }).pipe(Layer.provide([Layer.succeedContext(sandbox), Storage.layerMemory]))
  )
  const kubernaut = Context.get(context, Kubernaut.Kubernaut)
  const { receive, settled } = kubernaut
  const [result] = (yield* receive(webhook)).results
  if (small.meanwhile !== undefined) yield* Effect.forkChild(small.meanwhile(kubernaut, client))
  const ended = yield* Effect.forkChild(settled(result!.remediationId!))
  while (ended.pollUnsafe() === undefined) yield* TestClock.adjust("1 second")
  const remediation = Option.getOrThrow(yield* Fiber.join(ended))
  return { remediation, writes }
}, Effect.scoped)
