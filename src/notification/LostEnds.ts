/**
 * Ends conditions of which the record says that they do not last, although no line of the audit log has ended them: the
 * line was archived before it was derived, an earlier version has not derived it, or there was none.
 *
 * It ends nothing in doubt. Each process has a level of its own, and an emergency is over where no process that is
 * there is in one. One that has ended is not there any more, so its emergency ends here, if no next process has taken
 * it over. The end is a line of the audit log itself (`condition.ended`), and people are told by it.
 */

import { Effect, Option } from "effect"
import type { Lasting, NotificationKind, Notification, NotificationSeverity } from "../domain/Notification.ts"
import type { RemediationId } from "../domain/Remediation.ts"
import type { AccountSuspensions } from "../storage/AccountSuspensions.ts"
import type { AuditLog } from "../storage/AuditLog.ts"
import type { InForce, Levels } from "../storage/Levels.ts"
import type { Outbox } from "../storage/Outbox.ts"
import type { RemediationStore } from "../storage/RemediationStore.ts"
import type { StandingOrders } from "../storage/StandingOrders.ts"
import type { StorageError } from "../storage/StorageError.ts"
import { hasBegun } from "./LostBeginnings.ts"

/** Where the record says what lasts. */
export interface Records {
  readonly accounts: AccountSuspensions["Service"]
  readonly levels: Levels["Service"]
  readonly orders: StandingOrders["Service"]
  readonly remediations: RemediationStore["Service"]
}

/** The kind of condition: the name before a slash, and what is after it. */
const partsOf = (condition: string): readonly [kind: string, of: string] => {
  const at = condition.indexOf("/")
  return at < 0 ? [condition, ""] : [condition.slice(0, at), condition.slice(at + 1)]
}

/** Whether a condition lasts by the record; `undefined`: the record does not say. */
const lastsByRecord = (
  { began, condition }: Lasting,
  { accounts, levels, orders, remediations }: Records
): Effect.Effect<boolean | undefined, StorageError> => {
  const [kind, of] = partsOf(condition.name)
  const byLevel = (lasts: (process: InForce) => boolean) =>
    Effect.map(levels.recorded, (found) => {
      if (Option.isNone(found)) return undefined
      const { lines, processes, record } = found.value
      // One of an earlier version has begun it, which does not say what it is in.
      if (lines !== undefined && !lines.includes(began.key) && !hasBegun(began)) return undefined
      const { others, own = [] } = processes ?? { others: [{ isCutOff: false, ...record }] }
      return [...others].concat(own).some(lasts)
    })
  switch (kind) {
    case "emergency":
      return byLevel(({ level }) => level === 3)
    case "level":
      return byLevel(({ level }) => level === 1 || level === 2)
    case "cut-off":
      return byLevel(({ isCutOff }) => isCutOff)
    case "emergency-stop":
      return Effect.map(orders.current("emergency-stop"), Option.isSome)
    case "account":
      // An earlier version has not recorded whose account it is.
      return Effect.map(accounts.all, (all) =>
        all.some(({ services }) => services === undefined)
          ? undefined
          : all.some(({ services = [] }) => services.includes(of))
      )
    case "approval":
      return Effect.map(remediations.get(of as RemediationId), (found) =>
        Option.match(found, { onNone: () => undefined, onSome: ({ state }) => state === "AwaitingReview" })
      )
    case "escalation":
      return Effect.map(remediations.get(of as RemediationId), (found) =>
        Option.match(found, {
          onNone: () => undefined,
          onSome: ({ alertResolvedAt, handedOverTo, state }) =>
            state === "Escalated" && alertResolvedAt === undefined && handedOverTo === undefined
        })
      )
    default:
      return Effect.undefined
  }
}

/** Whether something may last only because a process that has ended is not known to be gone yet. */
const isInDoubt = (levels: Levels["Service"]): Effect.Effect<boolean, StorageError> =>
  levels.recorded.pipe(
    Effect.map((found) => Option.isSome(found) && found.value.processes?.isInDoubt === true),
    Effect.catchIf(
      ({ retryable }) => !retryable,
      () => Effect.succeed(false)
    )
  )

/**
 * Records the end of what does not last any more. Returns whether more of it may not last, as is known soon. Call it
 * when everything up to `position` was derived: then the conditions and the record are of the same moment, unless there
 * are more lines by now.
 */
export const find = Effect.fnUntraced(function* (
  position: number,
  { audit, outbox }: { readonly audit: AuditLog["Service"]; readonly outbox: Outbox["Service"] },
  records: Records
) {
  const lasting = yield* outbox.conditions
  const over = yield* Effect.filter(lasting, (each) =>
    lastsByRecord(each, records).pipe(
      Effect.map((lasts) => lasts === false),
      // A record that cannot be read says nothing.
      Effect.catchIf(
        ({ retryable }) => !retryable,
        () => Effect.succeed(false)
      )
    )
  )
  const isLeft = lasting.length > over.length && (yield* isInDoubt(records.levels))
  if (over.length === 0 || (yield* audit.read(position, 1)).length > 0) return isLeft
  for (const { condition } of over)
    yield* audit.record({
      actor: "kubernaut",
      kind: "condition.ended",
      subject: condition.name,
      data: { severity: condition.severity, reason: "the record says that it does not last" }
    })
  return isLeft
})

/** Receivers that choose kinds get the end where they got the beginning. */
const kinds: Readonly<Record<string, NotificationKind>> = {
  emergency: "emergency-left",
  level: "level-changed",
  "cut-off": "cut-off-ended",
  "emergency-stop": "emergency-stop-lifted",
  account: "account-resumed",
  approval: "approval-ended",
  escalation: "escalation-ended"
}

const isSeverity = (value: unknown): value is NotificationSeverity =>
  value === "critical" || value === "warning" || value === "info"

/** What is told of a line `condition.ended`; `undefined` for a condition of which this version knows nothing. */
export const toldOf = (
  condition: string,
  severity: unknown
): Pick<Notification, "kind" | "severity" | "title" | "ends" | "remediationId"> | undefined => {
  const [name, of] = partsOf(condition)
  const kind = kinds[name]
  if (kind === undefined) return undefined
  const asBegun = isSeverity(severity) ? severity : "warning"
  return {
    kind,
    severity: asBegun,
    title: "A condition that is still shown does not last any more",
    ends: [{ name: condition, severity: asBegun }],
    ...(name === "approval" || name === "escalation" ? { remediationId: of } : {})
  }
}
