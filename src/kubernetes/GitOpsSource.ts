/**
 * Which GitOps source owns an object, by the labels and annotations that its controller leaves on it, so that a person
 * can be told where the change belongs. Pure.
 *
 * | manager     | named by                                                                              |
 * | ----------- | ------------------------------------------------------------------------------------- |
 * | Argo CD     | `argocd.argoproj.io/tracking-id`, `argocd.argoproj.io/instance`                       |
 * | Flux        | `kustomize.toolkit.fluxcd.io/name`, `helm.toolkit.fluxcd.io/name`, with the namespace |
 * | Fleet       | `fleet.cattle.io/bundle-id`, `objectset.rio.cattle.io/id`                             |
 * | kapp        | `kapp.k14s.io/app`                                                                    |
 * | Config Sync | `configmanagement.gke.io/source-path`                                                 |
 *
 * A commit is named where an annotation or label has one: its key ends in `commit`, `revision` or `git-sha`.
 */

import type { KubernetesObject } from "./KubernetesClient.ts"
import { managersOf } from "./Managers.ts"

/** The managers that put back what somebody else changes, from a source that is not the cluster. */
const gitOps = ["argocd", "flux", "fleet", "kapp", "config-sync"] as const
type GitOps = (typeof gitOps)[number]

/** The owner of an object in a source outside of the cluster. */
export interface GitOpsSource {
  readonly manager: GitOps
  /** For people, such as `the Argo CD application shop`. */
  readonly source: string
  /** The commit that was applied last, if the object says so. */
  readonly commit?: string
}

type Keys = Readonly<Record<string, string>>

const argoApplication = (labels: Keys, annotations: Keys): string | undefined =>
  annotations["argocd.argoproj.io/tracking-id"]?.split(":")[0]
  ?? labels["argocd.argoproj.io/instance"]
  ?? annotations["argocd.argoproj.io/instance"]

const named = (labels: Keys, prefix: string): string | undefined => {
  const name = labels[`${prefix}/name`]
  const namespace = labels[`${prefix}/namespace`]
  return name === undefined ? undefined : `${namespace === undefined ? "" : `${namespace}/`}${name}`
}

const withName = (what: string, name: string | undefined): string => (name === undefined ? what : `${what} ${name}`)

const sourceOf = (manager: GitOps, labels: Keys, annotations: Keys): string => {
  switch (manager) {
    case "argocd":
      return withName("the Argo CD application", argoApplication(labels, annotations))
    case "flux": {
      const release = named(labels, "helm.toolkit.fluxcd.io")
      return release === undefined
        ? withName("the Flux kustomization", named(labels, "kustomize.toolkit.fluxcd.io"))
        : `the Flux HelmRelease ${release}`
    }
    case "fleet":
      return withName(
        "the Fleet bundle",
        labels["fleet.cattle.io/bundle-id"] ?? annotations["objectset.rio.cattle.io/id"]
      )
    case "kapp":
      return withName("the kapp app", labels["kapp.k14s.io/app"])
    case "config-sync":
      return withName("the Config Sync source", annotations["configmanagement.gke.io/source-path"])
  }
}

const commitKey = /(^|[./-])(commit|revision|commit-sha|git-sha)$/i

const commitOf = (labels: Keys, annotations: Keys): string | undefined =>
  Object.entries({ ...labels, ...annotations }).find(
    ([key, value]) => commitKey.test(key) && /^([\w./-]+[@:])?[0-9a-f]{7,64}$/i.test(value)
  )?.[1]

/** The GitOps source of an object; `undefined` if none owns it. */
export const gitOpsSourceOf = (object: KubernetesObject): GitOpsSource | undefined => {
  const managers = managersOf(object)
  const manager = gitOps.find((each) => managers.includes(each))
  if (manager === undefined) return undefined
  const { annotations = {}, labels = {} } = object.metadata
  const commit = commitOf(labels, annotations)
  return { manager, source: sourceOf(manager, labels, annotations), ...(commit === undefined ? {} : { commit }) }
}
