/** `POST /api/v1/remediations/{id}/rollback`. */

import { Effect } from "effect"
import type { RemediationId } from "../../domain/Remediation.ts"
import { RollbackRequests } from "../../remediation/RollbackRequests.ts"
import type { NotRollbackable } from "../../storage/RemediationStore.ts"
import { CurrentPrincipal } from "../Authentication.ts"
import { failing, NotFound, RollbackRefused, Unavailable } from "../problems/Problem.ts"
import { storageFault } from "../problems/StorageFault.ts"

/** How long a client waits before it asks again about a cluster that could not be read. */
const retryAfterSeconds = 10

const notRollbackable = ({ code, detail, fields, remediationId }: NotRollbackable) =>
  code === "not-found"
    ? failing(new NotFound({ detail: `There is no remediation ${remediationId}. See GET /api/v1/remediations.` }))
    : failing(new RollbackRefused({ detail, code, ...(fields === undefined ? {} : { fields }) }))

export const make = Effect.map(RollbackRequests, (requests) =>
  Effect.fnUntraced(function* ({
    params: { id },
    payload
  }: {
    readonly params: { readonly id: RemediationId }
    readonly payload: { readonly reason?: string } | null
  }) {
    const { name } = yield* CurrentPrincipal
    const reason = payload?.reason
    const after = yield* requests.request(id, { by: name, ...(reason === undefined ? {} : { reason }) }).pipe(
      Effect.catchTags({
        StorageError: storageFault,
        NotRollbackable: notRollbackable,
        ClusterUnread: ({ detail }) =>
          failing(
            new Unavailable({
              detail: `The cluster could not be read, so nothing was changed. ${detail}`,
              retryAfterSeconds
            })
          )
      })
    )
    return { id, state: after.state }
  })
)
