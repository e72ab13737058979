/** The questions about the own rights, to a real API server. */

import { Effect } from "effect"
import type { GrantedRules, PolicyRule } from "./Access.ts"
import { findWatched, unknownKind } from "./ApiResource.ts"
import * as ClientRequest from "./ClientRequest.ts"
import type { Responses } from "./ClientResponse.ts"
import { KubernetesError, type Rights } from "./KubernetesClient.ts"
import * as OperationName from "./OperationName.ts"

interface AccessReview {
  readonly status?: { readonly allowed?: boolean }
}

interface RulesReview {
  readonly status?: {
    readonly resourceRules?: ReadonlyArray<PolicyRule>
    readonly nonResourceRules?: ReadonlyArray<PolicyRule>
    readonly incomplete?: boolean
  }
}

const noReview = (operation: string): KubernetesError =>
  new KubernetesError({
    reason: { _tag: "Unavailable", fault: "not-kubernetes" },
    operation,
    applied: "no",
    retryable: false
  })

/** Without a status nothing is known. */
const grantedRules = ({ status }: RulesReview): GrantedRules => ({
  rules: [...(status?.resourceRules ?? []), ...(status?.nonResourceRules ?? [])],
  incomplete: status?.incomplete ?? status === undefined
})

/** The questions through a connection, whose credentials have a generation. */
export const make = (responses: Responses, generation: () => number): Rights => ({
  generation,
  may: (access) => {
    const operation = OperationName.ofReview(access)
    const resource = findWatched(access.kind)
    return resource === undefined
      ? Effect.fail(unknownKind(operation))
      : Effect.flatMap(
          responses.json<AccessReview>({ operation, writes: false }, ClientRequest.accessReview(resource, access)),
          // A response that says neither is no answer, and so no "no".
          ({ status }) =>
            status?.allowed === undefined ? Effect.fail(noReview(operation)) : Effect.succeed(status.allowed)
        )
  },
  rules: (namespace) =>
    Effect.map(
      responses.json<RulesReview>(
        { operation: OperationName.ofKind("review", "rules", namespace), writes: false },
        ClientRequest.rulesReview(namespace)
      ),
      grantedRules
    )
})
