/**
 * Typed views of the Kubernetes kinds that this project reads, over the plain JSON of the port.
 *
 * They are not schemas: the API server has validated the objects that it stores. Fields that nothing here reads are
 * left out, and every field that a server may omit is optional.
 */

import type { KubernetesObject } from "./KubernetesClient.ts"

export type Labels = Readonly<Record<string, string>>

export interface LabelSelector {
  readonly matchLabels?: Labels
  readonly matchExpressions?: ReadonlyArray<{
    readonly key: string
    readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist"
    readonly values?: ReadonlyArray<string>
  }>
}

export interface Condition {
  readonly type: string
  readonly status: string
  readonly reason?: string
  readonly message?: string
  readonly lastTransitionTime?: string
  readonly lastUpdateTime?: string
}

/** Quantities by resource name, such as `cpu`, `memory` and `storage`. */
export type Quantities = Readonly<Record<string, string>>

export interface Container {
  readonly name: string
  readonly image?: string
  readonly resources?: { readonly requests?: Quantities; readonly limits?: Quantities }
  readonly [field: string]: unknown
}

export interface PodSpec {
  readonly containers: ReadonlyArray<Container>
  /** One with `restartPolicy: Always` is a native sidecar. */
  readonly initContainers?: ReadonlyArray<Container & { readonly restartPolicy?: string }>
  readonly nodeName?: string
  readonly restartPolicy?: string
  readonly [field: string]: unknown
}

export interface PodTemplate {
  readonly metadata?: { readonly labels?: Labels; readonly annotations?: Labels; readonly [field: string]: unknown }
  readonly spec: PodSpec
  readonly [field: string]: unknown
}

export interface ContainerTermination {
  readonly exitCode: number
  readonly reason?: string
  readonly startedAt?: string
  readonly finishedAt?: string
}

export interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string }
  readonly running?: { readonly startedAt?: string }
  readonly terminated?: ContainerTermination
}

export interface ContainerStatus {
  readonly name: string
  readonly ready: boolean
  readonly started?: boolean
  readonly restartCount: number
  readonly state?: ContainerState
  readonly lastState?: ContainerState
  readonly [field: string]: unknown
}

export interface Pod extends KubernetesObject {
  readonly spec: PodSpec
  readonly status?: {
    readonly phase?: string
    readonly reason?: string
    readonly podIP?: string
    readonly conditions?: ReadonlyArray<Condition>
    readonly initContainerStatuses?: ReadonlyArray<ContainerStatus>
    readonly containerStatuses?: ReadonlyArray<ContainerStatus>
    readonly [field: string]: unknown
  }
}

export interface ReplicaStatus {
  readonly observedGeneration?: number
  readonly replicas?: number
  readonly readyReplicas?: number
  readonly updatedReplicas?: number
  readonly availableReplicas?: number
  readonly conditions?: ReadonlyArray<Condition>
  readonly [field: string]: unknown
}

export interface Deployment extends KubernetesObject {
  readonly spec: {
    readonly replicas?: number
    readonly selector: LabelSelector
    readonly template: PodTemplate
    readonly paused?: boolean
    readonly minReadySeconds?: number
    readonly progressDeadlineSeconds?: number
    readonly revisionHistoryLimit?: number
    readonly strategy?: {
      readonly type?: "RollingUpdate" | "Recreate"
      readonly rollingUpdate?: { readonly maxSurge?: number | string; readonly maxUnavailable?: number | string }
    }
    readonly [field: string]: unknown
  }
  readonly status?: ReplicaStatus
}

export interface ReplicaSet extends KubernetesObject {
  readonly spec: {
    readonly replicas?: number
    readonly minReadySeconds?: number
    readonly selector: LabelSelector
    readonly template: PodTemplate
    readonly [field: string]: unknown
  }
  readonly status?: ReplicaStatus
}

export interface StatefulSet extends KubernetesObject {
  readonly spec: {
    readonly replicas?: number
    readonly selector: LabelSelector
    readonly template: PodTemplate
    readonly serviceName?: string
    readonly updateStrategy?: {
      readonly type?: "RollingUpdate" | "OnDelete"
      readonly rollingUpdate?: { readonly partition?: number; readonly [field: string]: unknown }
    }
    readonly [field: string]: unknown
  }
  readonly status?: ReplicaStatus & { readonly currentRevision?: string; readonly updateRevision?: string }
}

export interface DaemonSet extends KubernetesObject {
  readonly spec: {
    readonly selector: LabelSelector
    readonly template: PodTemplate
    readonly updateStrategy?: { readonly type?: "RollingUpdate" | "OnDelete"; readonly [field: string]: unknown }
    readonly [field: string]: unknown
  }
  readonly status?: {
    readonly observedGeneration?: number
    readonly desiredNumberScheduled?: number
    readonly numberReady?: number
    readonly numberAvailable?: number
    readonly updatedNumberScheduled?: number
    readonly conditions?: ReadonlyArray<Condition>
    readonly [field: string]: unknown
  }
}

export interface ControllerRevision extends KubernetesObject {
  readonly revision: number
  readonly data?: unknown
}

export interface Job extends KubernetesObject {
  readonly spec: {
    readonly parallelism?: number
    readonly completions?: number
    readonly backoffLimit?: number
    readonly suspend?: boolean
    readonly selector?: LabelSelector
    readonly template: PodTemplate
    readonly [field: string]: unknown
  }
  readonly status?: {
    readonly active?: number
    readonly ready?: number
    readonly succeeded?: number
    readonly failed?: number
    readonly conditions?: ReadonlyArray<Condition>
    readonly [field: string]: unknown
  }
}

export interface CronJob extends KubernetesObject {
  readonly spec: {
    readonly schedule: string
    readonly suspend?: boolean
    readonly successfulJobsHistoryLimit?: number
    readonly failedJobsHistoryLimit?: number
    readonly concurrencyPolicy?: string
    readonly jobTemplate: {
      readonly metadata?: { readonly labels?: Labels; readonly annotations?: Labels }
      readonly spec: Job["spec"]
    }
    readonly [field: string]: unknown
  }
  readonly status?: {
    readonly lastScheduleTime?: string
    readonly active?: ReadonlyArray<unknown>
    readonly [field: string]: unknown
  }
}

export interface HorizontalPodAutoscaler extends KubernetesObject {
  readonly spec: {
    readonly scaleTargetRef: { readonly apiVersion?: string; readonly kind: string; readonly name: string }
    readonly minReplicas?: number
    readonly maxReplicas: number
    readonly [field: string]: unknown
  }
  readonly status?: {
    readonly observedGeneration?: number
    readonly currentReplicas?: number
    readonly desiredReplicas?: number
    readonly conditions?: ReadonlyArray<Condition>
    readonly [field: string]: unknown
  }
}

export interface PodDisruptionBudget extends KubernetesObject {
  readonly spec: {
    readonly selector?: LabelSelector
    readonly minAvailable?: number | string
    readonly maxUnavailable?: number | string
    readonly unhealthyPodEvictionPolicy?: "IfHealthyBudget" | "AlwaysAllow"
    readonly [field: string]: unknown
  }
  readonly status?: {
    readonly observedGeneration?: number
    readonly currentHealthy?: number
    readonly desiredHealthy?: number
    readonly disruptionsAllowed?: number
    readonly expectedPods?: number
    readonly [field: string]: unknown
  }
}

export interface Service extends KubernetesObject {
  readonly spec?: { readonly selector?: Labels; readonly [field: string]: unknown }
}

export interface EndpointSlice extends KubernetesObject {
  readonly endpoints?: ReadonlyArray<{
    readonly addresses: ReadonlyArray<string>
    readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean }
    readonly targetRef?: {
      readonly kind?: string
      readonly namespace?: string
      readonly name?: string
      readonly uid?: string
    }
    readonly nodeName?: string
  }>
}

export interface Node extends KubernetesObject {
  readonly spec?: {
    readonly unschedulable?: boolean
    readonly taints?: ReadonlyArray<{ readonly key: string; readonly effect: string; readonly value?: string }>
    readonly [field: string]: unknown
  }
  readonly status?: {
    readonly conditions?: ReadonlyArray<Condition>
    readonly allocatable?: Quantities
    readonly capacity?: Quantities
    readonly [field: string]: unknown
  }
}

export interface PersistentVolumeClaim extends KubernetesObject {
  readonly spec: {
    readonly storageClassName?: string
    readonly resources?: { readonly requests?: Quantities }
    readonly [field: string]: unknown
  }
  readonly status?: {
    readonly phase?: string
    readonly capacity?: Quantities
    readonly conditions?: ReadonlyArray<Condition>
    readonly [field: string]: unknown
  }
}

export interface StorageClass extends KubernetesObject {
  readonly allowVolumeExpansion?: boolean
}

export interface ResourceQuota extends KubernetesObject {
  readonly spec?: { readonly hard?: Quantities; readonly [field: string]: unknown }
  readonly status?: { readonly hard?: Quantities; readonly used?: Quantities }
}

export interface LimitRange extends KubernetesObject {
  readonly spec?: {
    readonly limits?: ReadonlyArray<{
      readonly type: string
      readonly max?: Quantities
      readonly min?: Quantities
      readonly default?: Quantities
      readonly defaultRequest?: Quantities
      readonly maxLimitRequestRatio?: Quantities
    }>
  }
}

export interface Namespace extends KubernetesObject {
  readonly status?: { readonly phase?: string; readonly [field: string]: unknown }
}

export interface Event extends KubernetesObject {
  readonly involvedObject: {
    readonly kind?: string
    readonly namespace?: string
    readonly name?: string
    readonly uid?: string
  }
  readonly type?: string
  readonly reason?: string
  readonly message?: string
  readonly count?: number
  readonly firstTimestamp?: string
  readonly lastTimestamp?: string
}

/** The view of each kind, by its name. */
export interface KindMap {
  readonly Pod: Pod
  readonly Node: Node
  readonly Service: Service
  readonly Event: Event
  readonly EndpointSlice: EndpointSlice
  readonly PersistentVolumeClaim: PersistentVolumeClaim
  readonly ResourceQuota: ResourceQuota
  readonly LimitRange: LimitRange
  readonly Namespace: Namespace
  readonly Deployment: Deployment
  readonly StatefulSet: StatefulSet
  readonly DaemonSet: DaemonSet
  readonly ReplicaSet: ReplicaSet
  readonly ControllerRevision: ControllerRevision
  readonly Job: Job
  readonly CronJob: CronJob
  readonly HorizontalPodAutoscaler: HorizontalPodAutoscaler
  readonly PodDisruptionBudget: PodDisruptionBudget
  readonly StorageClass: StorageClass
}
export type Kind = keyof KindMap

/** The owner that controls an object; `undefined` for an object without one. */
export const controllerOf = (object: KubernetesObject) =>
  object.metadata.ownerReferences?.find((owner) => owner.controller === true)

export const conditionOf = (conditions: ReadonlyArray<Condition> | undefined, type: string): Condition | undefined =>
  conditions?.find((condition) => condition.type === type)

/** Whether a pod has the condition `Ready` and is not terminating. */
export const isPodReady = (pod: Pod): boolean =>
  pod.metadata.deletionTimestamp === undefined && conditionOf(pod.status?.conditions, "Ready")?.status === "True"

/** Whether labels include all the required ones. An empty map requires none. */
export const hasLabels = (labels: Labels | undefined, required: Labels): boolean => {
  for (const key in required) if (labels?.[key] !== required[key]) return false
  return true
}

/**
 * Whether labels satisfy a selector. As on the API server, an empty selector matches everything and an absent one
 * matches nothing.
 */
export const selectorMatches = (selector: LabelSelector | undefined, labels: Labels | undefined): boolean => {
  if (selector === undefined) return false
  if (selector.matchLabels !== undefined && !hasLabels(labels, selector.matchLabels)) return false
  return (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = labels?.[key]
    switch (operator) {
      case "In":
        return value !== undefined && values.includes(value)
      case "NotIn":
        return value === undefined || !values.includes(value)
      case "Exists":
        return value !== undefined
      case "DoesNotExist":
        return value === undefined
    }
  })
}
