/**
 * Where a node belongs: its pool and its zone.
 *
 * The pool of a node is what its labels say: the node pool of the cloud or of Karpenter. Nodes of the control plane are
 * a pool of their own. Without such a label the pool is every other node without one.
 */

import type { NodePlace } from "../domain/Places.ts"
import type { KubernetesObject } from "./KubernetesClient.ts"

/** The labels that name the pool of a node. */
const poolLabels = [
  "karpenter.sh/nodepool",
  "karpenter.sh/provisioner-name",
  "cloud.google.com/gke-nodepool",
  "eks.amazonaws.com/nodegroup",
  "alpha.eksctl.io/nodegroup-name",
  "kubernetes.azure.com/agentpool",
  "agentpool",
  "doks.digitalocean.com/node-pool-id",
  "doks.digitalocean.com/node-pool",
  "k8s.scaleway.com/pool",
  "lke.linode.com/pool-id",
  "oci.oraclecloud.com/node-pool-id",
  "ibm-cloud.kubernetes.io/worker-pool-id",
  "alibabacloud.com/nodepool-id",
  "node.cluster.x-k8s.io/pool",
  "cluster.x-k8s.io/deployment-name",
  "machine.openshift.io/machineset",
  "kops.k8s.io/instancegroup",
  "worker.gardener.cloud/pool",
  "node.kubernetes.io/nodegroup"
] as const

const controlPlaneLabels = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"]

/** Whether a node is of the control plane. */
export const isControlPlane = (node: KubernetesObject): boolean =>
  controlPlaneLabels.some((label) => node.metadata.labels?.[label] !== undefined)

/** The name of a node's pool. */
export const poolOf = (node: KubernetesObject): string => {
  if (isControlPlane(node)) return "control plane"
  const label = poolLabels.find((each) => node.metadata.labels?.[each] !== undefined)
  return label === undefined ? "nodes" : `${label}=${node.metadata.labels?.[label]}`
}

const zoneLabels = ["topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"]

/** The pool and the zone of a node. */
export const placeOf = (node: KubernetesObject): NodePlace => {
  const zone = zoneLabels.map((label) => node.metadata.labels?.[label]).find((each) => each !== undefined)
  return { pool: poolOf(node), ...(zone === undefined ? {} : { zone }) }
}
