/** Secrets on a real API server. The client of the service never reads one by one, lists or writes them. */

import { CoreV1Api, KubeConfig, PatchStrategy, setHeaderOptions } from "@kubernetes/client-node"
import { Effect } from "effect"

const merged = setHeaderOptions("Content-Type", PatchStrategy.MergePatch)

type Values = Readonly<Record<string, string>>

/** The Secrets of a namespace, as a person with this kubeconfig sees and changes them. */
export const secretsOf = (kubeconfig: string, namespace: string) => {
  const config = new KubeConfig()
  config.loadFromFile(kubeconfig)
  const api = config.makeApiClient(CoreV1Api)
  const done = (act: () => Promise<unknown>) => Effect.asVoid(Effect.promise(act))
  return {
    add: (name: string, stringData: Values) =>
      done(() => api.createNamespacedSecret({ namespace, body: { metadata: { name }, stringData } })),
    set: (name: string, stringData: Values) =>
      done(() =>
        api.patchNamespacedSecret({ namespace, name, body: { stringData }, fieldManager: "kubectl-edit" }, merged)
      ),
    all: Effect.promise(async () => {
      const { items } = await api.listNamespacedSecret({ namespace })
      return Object.fromEntries(items.map(({ data, metadata }) => [metadata?.name ?? "", data]))
    })
  }
}
