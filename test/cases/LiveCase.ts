/** A public case on a real control plane: its manifests in a namespace of this run, and the service in this process. */

import { readFileSync } from "node:fs"
import { Clock, Context, Effect, Layer, Option, Schema } from "effect"
import { parseAllDocuments } from "yaml"
import type { Change } from "../../src/domain/Change.ts"
import type { ResourceRef } from "../../src/domain/Target.ts"
import { Webhook } from "../../src/intake/AlertmanagerWebhook.ts"
import type { Investigator } from "../../src/investigation/Investigator.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import { KubernetesClient, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import type { Pod } from "../../src/kubernetes/ObjectModel.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { until } from "../integration/Service.ts"

type Manifest = Extract<Change, { _tag: "Create" }>["manifest"]

const decoded = Schema.decodeSync(Schema.fromJsonString(Webhook))

export interface LiveCase {
  /** The folder of the case, and the namespace in its files. */
  readonly folder: string
  readonly namespaceInFiles: string
  readonly kubeconfig: string
  /** Absent: the rules decide. */
  readonly investigator?: Investigator
}

/** Creates the objects of a case in a namespace of its own, which is deleted when the scope closes. */
export const make = Effect.fnUntraced(function* ({ folder, investigator, kubeconfig, namespaceInFiles }: LiveCase) {
  const services = yield* Layer.build(Layer.orDie(ClientNode.layer({ kubeconfig })))
  const client = Context.get(services, KubernetesClient)
  const namespace = `${namespaceInFiles}-${(yield* Clock.currentTimeNanos).toString(36)}`
  const read = (file: string) =>
    readFileSync(new URL(`${folder}/${file}`, import.meta.url), "utf8").replaceAll(
      new RegExp(`\\b${namespaceInFiles}\\b`, "g"),
      namespace
    )
  const ref = (kind: string, name: string): ResourceRef => ({
    namespace: kind === "Namespace" ? "" : namespace,
    kind,
    name
  })
  for (const document of parseAllDocuments(read("cluster.yaml"))) {
    const manifest = document.toJS() as Manifest & {
      readonly kind: string
      readonly metadata: { readonly name: string }
    }
    const create = client.apply({ _tag: "Create", ref: ref(manifest.kind, manifest.metadata.name), manifest })
    const created = yield* manifest.kind === "Namespace"
      ? Effect.acquireRelease(create, (object) =>
          Effect.ignore(
            client.apply({ _tag: "Delete", ref: ref("Namespace", namespace), uid: object?.metadata.uid ?? "" })
          )
        )
      : create
    yield* Effect.logDebug("created", created?.metadata.name)
  }
  const get = (kind: string, name: string): Effect.Effect<KubernetesObject> => Effect.orDie(client.get(ref(kind, name)))
  const pods = Effect.orDie(client.list("Pod", { namespace })) as Effect.Effect<ReadonlyArray<Pod>>
  /** Handles the alert of the case in mode auto, and returns the remediation once it has ended or waits for a person. */
  const handle = Effect.fnUntraced(function* (replacements: Readonly<Record<string, string>> = {}) {
    const text = Object.entries(replacements).reduce((all, [from, to]) => all.replaceAll(from, to), read("alert.json"))
    const context = yield* Layer.build(
      Kubernaut.layer({
        cluster: "real",
        mode: "auto",
        ...(investigator === undefined ? {} : { investigators: [investigator] })
      }).pipe(Layer.provide([Layer.succeedContext(services), Storage.layerMemory]))
    )
    const { receive, settled } = Context.get(context, Kubernaut.Kubernaut)
    const [result] = (yield* receive(decoded(text))).results
    return Option.getOrThrow(yield* settled(result!.remediationId!))
  })
  /** Makes a container of a pod fail, as the simulated nodes do for the annotation `sim/fail`. */
  const fail = (pod: Pod, how: "oom" | "crashloop") =>
    Effect.orDie(
      client.apply({
        _tag: "Patch",
        ref: ref("Pod", pod.metadata.name),
        patch: [
          ...(pod.metadata.annotations === undefined
            ? [{ op: "add" as const, path: "/metadata/annotations", value: {} }]
            : []),
          { op: "add", path: "/metadata/annotations/sim~1fail", value: how }
        ]
      })
    )
  const readyPods = Effect.map(pods, (all) =>
    all.filter(({ status }) => status?.conditions?.some(({ status, type }) => type === "Ready" && status === "True"))
  )
  const ready = (count: number) => until(`${count} ready pods`, readyPods, (all) => all.length === count)
  return { namespace, get, pods, handle, fail, ready, readyPods }
})
