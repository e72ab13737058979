/**
 * `kubernaut serve` and `kubernaut doctor`. What they need (the cluster's client, the models' SDKs, storage) is loaded
 * when they run, so that the commands that only ask a service start several times as fast.
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
    "Start the service. Settings come from KUBERNAUT_* and the file that KUBERNAUT_CONFIG names; see kubernaut config"
  )
)

export const doctor = Command.make("doctor", {}, () =>
  Effect.flatMap(
    Effect.promise(() => import("./Doctor.ts")),
    ({ report }) => report
  )
).pipe(
  Command.withDescription(
    "Check configuration, database, cluster and permissions, models and rulebook; exit code 1 when a check fails"
  )
)
