/** Notifications, where an embedder provides sinks for them. */

import { Effect, Layer, Option } from "effect"
import { isSelfAlert } from "../domain/SelfAlert.ts"
import { Degradation } from "../health/Degradation.ts"
import { redact } from "../investigation/evidence/Redaction.ts"
import type { KubernautOptions } from "../KubernautOptions.ts"
import * as Notifications from "../notification/Notifications.ts"
import { NotificationSinks } from "../notification/NotificationSink.ts"
import { makeFacts } from "../notification/RemediationFacts.ts"
import { AccountSuspensions } from "../storage/AccountSuspensions.ts"
import { AuditLog } from "../storage/AuditLog.ts"
import { Levels } from "../storage/Levels.ts"
import { Outbox } from "../storage/Outbox.ts"
import { RemediationStore } from "../storage/RemediationStore.ts"
import { StandingOrders } from "../storage/StandingOrders.ts"
import { StorageHealth } from "../storage/StorageHealth.ts"

/** The notifications. Without sinks, or on a database that is not one of `Storage`, there are none. */
export const notifications = ({ cluster }: KubernautOptions<unknown, unknown>) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const parts = Option.all({
        sinks: yield* Effect.serviceOption(NotificationSinks),
        audit: yield* Effect.serviceOption(AuditLog),
        outbox: yield* Effect.serviceOption(Outbox),
        levels: yield* Effect.serviceOption(Levels),
        accounts: yield* Effect.serviceOption(AccountSuspensions),
        health: yield* Effect.serviceOption(StorageHealth)
      })
      if (Option.isNone(parts) || parts.value.sinks.length === 0) return Layer.empty
      const { accounts, audit, health, levels, outbox, sinks } = parts.value
      const { recoveries } = yield* Degradation
      const store = yield* RemediationStore
      const orders = yield* StandingOrders
      return Notifications.layer({ ...makeFacts(redact), cluster, isOwnAlert: isSelfAlert }, recoveries).pipe(
        Layer.provide([
          Layer.succeed(NotificationSinks, sinks),
          Layer.succeed(AccountSuspensions, accounts),
          Layer.succeed(AuditLog, audit),
          Layer.succeed(Levels, levels),
          Layer.succeed(StandingOrders, orders),
          Layer.succeed(Outbox, outbox),
          Layer.succeed(StorageHealth, health),
          Layer.succeed(RemediationStore, store)
        ])
      )
    })
  )
