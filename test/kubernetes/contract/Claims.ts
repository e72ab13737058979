/** Patch of a PersistentVolumeClaim: whether it can grow depends on its StorageClass. */

import { Effect } from "effect"
import { KubernetesClient } from "../../../src/kubernetes/KubernetesClient.ts"
import type { PersistentVolumeClaim } from "../../../src/kubernetes/ObjectModel.ts"
import { type ContractTests, created, eventually, Fixtures, newNamespace, refusedAs } from "./Fixtures.ts"
import { patch, refOf, replace } from "./Manifests.ts"

export const claims = (it: ContractTests): void => {
  it.effect("a volume claim can grow if its class allows it, and can never shrink", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("claim")
      for (const [kind, grows] of [
        ["elastic", true],
        ["fixed", false]
      ] as const) {
        const className = `${(yield* Fixtures).run}-${kind}`
        yield* created("", {
          apiVersion: "storage.k8s.io/v1",
          kind: "StorageClass",
          metadata: { name: className },
          provisioner: "example.com/none",
          allowVolumeExpansion: grows
        })
        yield* created("", {
          apiVersion: "v1",
          kind: "PersistentVolume",
          metadata: { name: className },
          spec: {
            capacity: { storage: "5Gi" },
            accessModes: ["ReadWriteOnce"],
            storageClassName: className,
            hostPath: { path: "/tmp/none" },
            claimRef: { namespace, name: kind }
          }
        })
        const made = yield* created(namespace, {
          apiVersion: "v1",
          kind: "PersistentVolumeClaim",
          metadata: { name: kind },
          spec: {
            accessModes: ["ReadWriteOnce"],
            storageClassName: className,
            volumeName: className,
            resources: { requests: { storage: "5Gi" } }
          }
        })
        yield* eventually(
          `claim ${kind} is bound`,
          kubernetes.get(refOf(made)),
          (claim) => (claim as PersistentVolumeClaim).status?.phase === "Bound"
        )
        const resize = (storage: string) =>
          kubernetes.apply(patch(refOf(made), replace("/spec/resources/requests/storage", storage)), {
            dryRun: true
          })
        yield* refusedAs(resize("1Gi"), "Invalid")
        if (grows) yield* resize("9Gi")
        else yield* refusedAs(resize("9Gi"), "PolicyDenied")
      }
    })
  )
}
