/** The path from a request of the service to the cluster's API server, as faults disturb it. */

import type { Effect } from "effect"
import type { Change } from "../../../domain/Change.ts"
import type { KubernetesClient, KubernetesError, ListOptions, Rights } from "../../../kubernetes/KubernetesClient.ts"
import type * as Sandbox from "../../../kubernetes/Sandbox.ts"
import { ActiveFaults } from "./ActiveFaults.ts"

/** A request as it reaches the API server. */
export interface ClusterRequest extends Sandbox.Operation {
  /** The write; absent for reads. */
  readonly change?: Change
  /** Which objects a list selects. */
  readonly options?: ListOptions
}

/**
 * Wraps a request to the API server: it may delay the request, refuse it, or let it happen and lose the response.
 * Active faults nest, the newest outermost.
 */
export type ClusterFault = <A>(
  request: ClusterRequest,
  server: Effect.Effect<A, KubernetesError>
) => Effect.Effect<A, KubernetesError>

export class ClusterPath {
  private readonly faults = new ActiveFaults<ClusterFault>()

  /** Activates a fault until the returned function is called. */
  disturb(fault: ClusterFault): () => void {
    return this.faults.add(fault)
  }

  /** The request, wrapped in all faults that are active now. */
  disturbed<A>(request: ClusterRequest, server: Effect.Effect<A, KubernetesError>): Effect.Effect<A, KubernetesError> {
    let disturbed = server
    if (this.faults.size > 0) for (const fault of this.faults) disturbed = fault(request, disturbed)
    return disturbed
  }
}

type Client = KubernetesClient["Service"]

const verbs = { Patch: "patch", Evict: "evict", Delete: "delete", Create: "create" } as const

const carriedRights = (rights: Rights, carry: ClusterFault): Rights => {
  const review = { verb: "review", name: "", dryRun: false } as const
  return {
    may: (access) => carry({ ...review, kind: access.kind, namespace: access.namespace }, rights.may(access)),
    rules: (namespace) => carry({ ...review, kind: "", namespace }, rights.rules(namespace))
  }
}

/** A client whose every request but `watch` goes through `carry`. */
export const carried = (client: Client, carry: ClusterFault): Client => {
  const read = { dryRun: false }
  return {
    get: (ref) => carry({ verb: "get", ...ref, ...read }, client.get(ref)),
    list: (kind, options) =>
      carry(
        { verb: "list", kind, namespace: options.namespace ?? "", name: "", ...read, options },
        client.list(kind, options)
      ),
    logs: (pod, options) => carry({ verb: "logs", ...pod, ...read }, client.logs(pod, options)),
    watch: client.watch,
    probe: carry({ verb: "probe", kind: "", namespace: "", name: "", ...read }, client.probe),
    ...(client.rights === undefined ? {} : { rights: carriedRights(client.rights, carry) }),
    apply: (change, options) =>
      carry(
        { verb: verbs[change._tag], ...change.ref, dryRun: options?.dryRun === true, change },
        client.apply(change, options)
      )
  }
}
