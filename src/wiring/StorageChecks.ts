/** The health checks that read the database: the audit chain, the flow of the data, and the business figures. */

import { Effect } from "effect"
import { isFinal, RemediationState } from "../domain/Remediation.ts"
import { type Check, healthy, type Outcome, unhealthy, unknown } from "../health/Check.ts"
import type { AuditLog } from "../storage/AuditLog.ts"
import { accuracyOf, actionSuccessOf, type BusinessFigures, type Figures } from "../storage/Figures.ts"
import type { RemediationStore } from "../storage/RemediationStore.ts"
import type { StorageError } from "../storage/StorageError.ts"

/** What cannot be read is unknown. That the database is down is another check's finding. */
const readFrom = (run: Effect.Effect<Outcome, StorageError>): Effect.Effect<Outcome> =>
  Effect.catch(run, ({ message }) => Effect.succeed(unknown(`could not be read: ${message}`)))

/**
 * A chain that is broken is a security incident: somebody, or a fault of the disk, has changed what is on record. A
 * break that an operator has acknowledged is none any more.
 */
export const auditCheck = ({ verifyEnd }: AuditLog["Service"]): Check => ({
  name: "audit-chain",
  layer: "component",
  interval: "5 minutes",
  timeout: "30 seconds",
  run: readFrom(
    Effect.map(verifyEnd, ({ acknowledged, broken }) =>
      broken.length === 0
        ? healthy(
            acknowledged.length === 0
              ? "the newest lines are intact, and none before was found broken"
              : `broken at line ${acknowledged.join(", ")}, which an operator has acknowledged; nothing else was found`
          )
        : unhealthy(
            `broken at line ${broken.join(", ")}`,
            ...broken.map((line) => ({
              key: `audit-chain:${line}`,
              cause: `the audit log is broken at line ${line}: it was modified or is damaged`
            }))
          )
    )
  )
})

const sum = (counts: ReadonlyArray<number>): number => counts.reduce((total, count) => total + count, 0)

/** Every alert that was accepted is finished or pending: the counts and the open rows agree. */
export const dataFlowCheck = ({ backlog }: RemediationStore["Service"], { current }: Figures["Service"]): Check => ({
  name: "data-flow",
  layer: "integration",
  interval: "1 minute",
  run: readFrom(
    Effect.map(Effect.all([current, backlog]), ([{ alerts }, open]) => {
      const pending = sum(
        RemediationState.literals.filter((state) => !isFinal(state)).map((state) => alerts[state] ?? 0)
      )
      const accepted = sum(Object.values(alerts))
      const text = `${accepted} accepted, ${accepted - pending} finished, ${pending} pending`
      return pending === open ? healthy(text) : unhealthy(`${text}, but ${open} are open`)
    })
  )
})

/** With fewer, one incident decides about the share. */
const fewest = 20

const shareCheck = (
  name: string,
  { recent }: Figures["Service"],
  shareOf: (figures: Pick<BusinessFigures, "actions" | "verdicts">) => {
    readonly share: number | undefined
    readonly of: number
  },
  least: number,
  what: string
): Check => ({
  name,
  layer: "business",
  interval: "1 minute",
  run: readFrom(
    Effect.map(recent, (figures) => {
      const { of, share } = shareOf(figures)
      if (share === undefined) return unknown(`no ${what} yet`)
      const text = `${Math.round(share * 100)} % of ${of} ${what}`
      return of >= fewest && share < least ? unhealthy(text) : healthy(text)
    })
  )
})

/**
 * Alerts processed since the database exists, and of the newest 100 actions the accuracy of investigations and the
 * success: so across restarts, and of today.
 */
export const businessChecks = (figures: Figures["Service"]): ReadonlyArray<Check> => [
  {
    name: "alerts-processed",
    layer: "business",
    interval: "1 minute",
    run: readFrom(
      Effect.map(figures.current, ({ alerts }) => {
        const count = sum(Object.values(alerts))
        return count === 0 ? unknown("no alert yet") : healthy(`${count} alerts since the database exists`)
      })
    )
  },
  shareCheck(
    "investigation-accuracy",
    figures,
    (found) => ({ share: accuracyOf(found), of: sum(Object.values(found.verdicts)) }),
    0.5,
    "judged actions"
  ),
  shareCheck(
    "action-success",
    figures,
    (found) => ({
      share: actionSuccessOf(found),
      of: sum(found.actions.filter(({ outcome }) => outcome !== "pending").map(({ count }) => count))
    }),
    0.8,
    "carried out actions"
  )
]
