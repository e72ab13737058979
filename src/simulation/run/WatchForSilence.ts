/** The watch on the alert that always fires, as the program adds it to the service. */

import { Context, Duration, Effect, type Scope } from "effect"
import { HealthSupervisor } from "../../health/HealthSupervisor.ts"
import * as Watchdog from "../../health/Watchdog.ts"
import { AuditLog } from "../../storage/AuditLog.ts"
import { FiringAlerts } from "../../verification/FiringAlerts.ts"
import { watchdogAlert } from "../farEnds/AlertList.ts"

/** Adds the check to a service. */
export const watchForSilence = (
  context: Context.Context<AuditLog | FiringAlerts | HealthSupervisor>
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const audit = Context.get(context, AuditLog)
    const { lists } = Context.get(context, FiringAlerts)
    const { check } = yield* Watchdog.make({
      alert: watchdogAlert,
      timeout: Duration.minutes(2),
      lists: lists === undefined ? Effect.undefined : lists(watchdogAlert, () => true),
      tell: (told) => Effect.asVoid(audit.record({ actor: "kubernaut", ...told }))
    })
    yield* Context.get(context, HealthSupervisor).add(check)
  })
