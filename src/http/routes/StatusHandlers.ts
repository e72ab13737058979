/** `/api/v1/status` and `/api/v1/breakers`. */

import { Effect, Option, Schema } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { capabilities, type Capabilities, type DegradationLevel } from "../../domain/DegradationLevel.ts"
import { DurationText } from "../../domain/DurationText.ts"
import { Degradation } from "../../health/Degradation.ts"
import { HealthSupervisor } from "../../health/HealthSupervisor.ts"
import { InvestigationChain } from "../../investigation/InvestigationChain.ts"
import { AuditLog } from "../../storage/AuditLog.ts"
import { Figures } from "../../storage/Figures.ts"
import { StandingOrders } from "../../storage/StandingOrders.ts"
import { ServedApi } from "../Api.ts"
import { CurrentPrincipal } from "../Authentication.ts"
import { failing, NotFound } from "../problems/Problem.ts"
import { storageFault } from "../problems/StorageFault.ts"
import { breakerStatus, Components } from "./Components.ts"
import { figuresIn } from "./FiguresOfStatus.ts"

export interface StatusOptions {
  readonly version: string
  readonly clusterName: string
  readonly mode: string
}

/** The capabilities of a level, limited to the configured investigators. */
export const capabilitiesOf = (level: DegradationLevel, configured: ReadonlyArray<string>): Capabilities => {
  const allowed = capabilities(level)
  return { ...allowed, investigators: allowed.investigators.filter((name) => configured.includes(name)) }
}

const encodeDuration = Schema.encodeSync(DurationText)

/** The orders that stand. The status is shown when the database fails, above all then. */
const standingIn = (orders: StandingOrders["Service"]) =>
  Effect.all({
    emergencyStop: orders.current("emergency-stop"),
    emergency: orders.current("emergency")
  }).pipe(
    Effect.match({
      onFailure: () => ({ unread: ["whether an operator has stopped all actions could not be read"] }),
      onSuccess: ({ emergency, emergencyStop }) => ({
        unread: [],
        ...(Option.isNone(emergencyStop) ? {} : { emergencyStop: emergencyStop.value }),
        ...(Option.isNone(emergency) ? {} : { emergency: emergency.value })
      })
    })
  )

export const StatusHandlers = (options: StatusOptions) =>
  HttpApiBuilder.group(
    ServedApi,
    "status",
    Effect.fnUntraced(function* (handlers) {
      const degradation = yield* Degradation
      const components = yield* Components
      const health = yield* HealthSupervisor
      const audit = yield* AuditLog
      const orders = yield* StandingOrders
      const figures = yield* Figures
      const { tiers } = yield* InvestigationChain
      const configured = tiers.map(({ name }) => name)

      const status = Effect.gen(function* () {
        const { level, reasons } = yield* degradation.current
        const { unread, ...standingOrders } = yield* standingIn(orders)
        const { missing, ...business } = yield* figuresIn(figures)
        return {
          level,
          reasons: [...reasons, ...unread, ...missing],
          ...standingOrders,
          ...business,
          capabilities: capabilitiesOf(level, configured),
          components: yield* components.list,
          health: yield* health.findings,
          version: options.version,
          cluster: options.clusterName,
          mode: options.mode
        }
      })

      return handlers
        .handle("status", () => status)
        .handle("breaker", ({ params: { name }, payload }) =>
          Effect.gen(function* () {
            const breaker = components.breaker(name)
            if (Option.isNone(breaker)) {
              return yield* failing(
                new NotFound({
                  detail: `There is no breaker ${name.slice(0, 100)}. The breakers are ${components.breakerNames.join(", ")}.`
                })
              )
            }
            const { name: actor } = yield* CurrentPrincipal
            const { mode, reason } = payload
            // Audited first, so that no override can take effect without an audit line.
            yield* audit.record({
              actor,
              kind: `breaker.${mode}`,
              subject: name,
              data: { reason, ...(payload.mode === "auto" ? {} : { for: encodeDuration(payload.for) }) }
            })
            const snapshot =
              payload.mode === "auto"
                ? breaker.value.auto(reason)
                : payload.mode === "isolated"
                  ? breaker.value.isolate(payload.for, reason)
                  : breaker.value.forceClosed(payload.for, reason)
            yield* Effect.logWarning("Breaker override changed", { breaker: name, mode, by: actor, reason })
            return breakerStatus(yield* snapshot)
          }).pipe(Effect.catchTag("StorageError", storageFault))
        )
    })
  )
