/** `/api/v1/audit`. */

import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { AuditLog } from "../../storage/AuditLog.ts"
import { ServedApi } from "../Api.ts"
import { storageFault } from "../problems/StorageFault.ts"

export const AuditHandlers = HttpApiBuilder.group(
  ServedApi,
  "audit",
  Effect.fnUntraced(function* (handlers) {
    const audit = yield* AuditLog
    return handlers
      .handle("read", ({ query: { after = 0, limit = 200 } }) =>
        audit.read(after, limit).pipe(
          Effect.catchTag("StorageError", storageFault),
          Effect.map((events) => ({ events, next: events.at(-1)?.sequence ?? after }))
        )
      )
      .handle("verify", () =>
        audit.verify.pipe(
          Effect.catchTag("StorageError", storageFault),
          Effect.map((brokenAt) => (brokenAt === undefined ? { intact: true } : { intact: false, brokenAt }))
        )
      )
  })
)
