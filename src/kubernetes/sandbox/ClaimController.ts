/** The volume controllers: a claim is bound immediately, and grows to the requested size after a delay. */

import * as Quantity from "../../domain/Quantity.ts"
import type { PersistentVolumeClaim } from "../ObjectModel.ts"
import type { Cluster } from "./Cluster.ts"
import { putStatus, withCondition } from "./Status.ts"

export const reconcileClaim = (cluster: Cluster, namespace: string, name: string): void => {
  const claim = cluster.store.get("PersistentVolumeClaim", namespace, name)
  if (claim === undefined) return
  const requested = claim.spec.resources?.requests?.["storage"] ?? "1Gi"
  if (claim.status?.phase !== "Bound") {
    putStatus<PersistentVolumeClaim>(cluster, claim, {
      phase: "Bound",
      accessModes: claim.spec["accessModes"] ?? ["ReadWriteOnce"],
      capacity: { storage: requested }
    })
    return
  }
  const grown = () => {
    const current = cluster.store.get("PersistentVolumeClaim", namespace, name)
    if (current?.metadata.uid !== claim.metadata.uid || current.spec.resources?.requests?.["storage"] !== requested)
      return
    putStatus<PersistentVolumeClaim>(cluster, current, {
      phase: "Bound",
      accessModes: current.status?.["accessModes"],
      capacity: { storage: requested }
    })
  }
  if ((Quantity.parse(requested) ?? 0n) <= (Quantity.parse(claim.status.capacity?.["storage"]) ?? 0n)) return
  const resizing = withCondition(
    claim.status.conditions ?? [],
    { type: "Resizing", status: "True", reason: "", message: "" },
    cluster.stamp()
  )
  if (resizing === claim.status.conditions) return
  putStatus<PersistentVolumeClaim>(cluster, claim, { ...claim.status, conditions: resizing })
  cluster.after(cluster.pace.startup, grown)
}
