/**
 * `kubernaut serve` and `kubernaut doctor`. Their implementations load the cluster client, model SDKs and storage, so
 * they are imported only when they run: the client commands start several times faster.
 */

import { Effect } from "effect"
import { Command } from "effect/cli"

export const serve = Command.make("serve", {}, () =>
  Effect.flatMap(
    Effect.promise(() => import("./Serve.ts")),
    ({ serveFromSettings }) => serveFromSettings
  )
).pipe(
  Command.withDescription(
    "Start the service. Settings come from KUBERNAUT_* variables and the file in KUBERNAUT_CONFIG; see kubernaut config"
  )
)

export const doctor = Command.make("doctor", {}, () =>
  Effect.flatMap(
    Effect.promise(() => import("./Doctor.ts")),
    ({ report }) => report
  )
).pipe(
  Command.withDescription(
    "Check the configuration, rulebook, database, cluster permissions and models, without changing anything. Exits with 1 if a check fails"
  )
)
