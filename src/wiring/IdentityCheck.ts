/** The health check of the cluster's identity. */

import { Effect } from "effect"
import { type Check, healthy, type Outcome, unhealthy, unknown } from "../health/Check.ts"
import type { ClusterIdentity, IdentityState } from "../kubernetes/ClusterIdentity.ts"

/** What an identity means. `cause`: the address or the credentials lead somewhere else than they did. */
export const outcomeOf = (state: IdentityState): Outcome => {
  switch (state._tag) {
    case "Confirmed":
      return healthy("this is the cluster that the database belongs to")
    case "Unconfirmed":
      return unknown("the uid of the namespace kube-system has not been read yet, so nothing is written")
    case "OtherCluster": {
      const cause = `this is another cluster (${state.found}) than the one that the database belongs to (${state.bound})`
      return unhealthy(`${cause}, so nothing is written`, { key: `cluster-identity:${state.found}`, cause })
    }
  }
}

/**
 * Another cluster is a security incident: somebody has put it behind our address, or has given us its credentials. It
 * is noticed by the next write, which is refused. Once it is, the check finds out when our own cluster is back, because
 * nothing else may be read then. While the identity is confirmed, the check costs no request.
 */
export const identityCheck = ({ confirm, state }: ClusterIdentity["Service"]): Check => ({
  name: "cluster-identity",
  layer: "component",
  interval: "15 seconds",
  timeout: "10 seconds",
  run: Effect.map(
    Effect.filterOrElse(
      state,
      (now) => now._tag !== "OtherCluster",
      () => confirm
    ),
    outcomeOf
  )
})
