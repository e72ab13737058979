/** The objects of a namespace that all its workloads depend on, and that people and controllers change. */

import type { Change } from "../../domain/Change.ts"
import type { ResourceRef } from "../../domain/Target.ts"

const namespace = "prod"

/** The quota of the namespace. It has room for more pods than there are. */
export const quota: ResourceRef = { namespace, kind: "ResourceQuota", name: "compute" }
/** Settings that no workload reads. */
export const settings: ResourceRef = { namespace, kind: "ConfigMap", name: "settings" }

/** The value of the quota that is in force when nobody has changed it. */
export const roomy = "500"

/** What exists at the beginning of a run whose service records changes. */
export const configured: ReadonlyArray<Change> = [
  {
    _tag: "Create",
    ref: quota,
    manifest: {
      apiVersion: "v1",
      kind: "ResourceQuota",
      metadata: { name: quota.name, namespace },
      spec: { hard: { pods: roomy, services: "50" } }
    }
  },
  {
    _tag: "Create",
    ref: settings,
    manifest: {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: settings.name, namespace },
      data: { level: "info", timeout: "30s" }
    }
  }
]
