/**
 * Begins conditions of the level that last by the record, although they are not among the conditions that are shown.
 * The mirror of `LostEnds`.
 *
 * A process may have been taken for gone, because it stood still or could not write, and what lasts in it was ended. No
 * line begins that again: its level has not changed. So the beginning is a line of the audit log itself
 * (`condition.lasts`), and people are told by it. It begins nothing in doubt: only what this process is in, or another
 * one that was seen to say so again and again.
 */

import { Effect, Option } from "effect"
import type { Condition, Notification } from "../domain/Notification.ts"
import type { AuditLog } from "../storage/AuditLog.ts"
import type { InForce, Levels } from "../storage/Levels.ts"
import type { Outbox } from "../storage/Outbox.ts"

type Told = Pick<Notification, "kind" | "severity" | "title" | "begins">

interface Beginning extends Told {
  readonly begins: Condition
  readonly isIn: (process: InForce) => boolean
}

const beginnings: ReadonlyArray<Beginning> = [
  {
    kind: "emergency-entered",
    severity: "critical",
    title: "The emergency still lasts: alerts are stored and escalated, and nothing is acted on",
    begins: { name: "emergency", severity: "critical" },
    isIn: ({ level }) => level === 3
  },
  {
    kind: "level-changed",
    severity: "warning",
    title: "A process is still degraded",
    begins: { name: "level", severity: "warning" },
    isIn: ({ level }) => level === 1 || level === 2
  },
  {
    kind: "cut-off",
    severity: "critical",
    title: "Every peer is still out at once: Kubernaut is cut off",
    begins: { name: "cut-off", severity: "critical" },
    isIn: ({ isCutOff }) => isCutOff
  }
]

const prefix = "lasts-"

/** Whether a condition was begun here, by the key of what began it. What begins by a change of the level has another. */
export const hasBegun = ({ key }: Pick<Notification, "key">): boolean => key.startsWith(prefix)

/**
 * Records the beginning of what lasts and is not shown. Call it when everything up to `position` was derived: then the
 * conditions and the record are of the same moment, unless there are more lines by now.
 */
export const find = Effect.fnUntraced(function* (
  position: number,
  { audit, outbox }: { readonly audit: AuditLog["Service"]; readonly outbox: Outbox["Service"] },
  levels: Levels["Service"]
) {
  const lasting = new Set((yield* outbox.conditions).map(({ condition }) => condition.name))
  const sure = yield* levels.recorded.pipe(
    Effect.map((found) => Option.getOrUndefined(found)?.processes?.sure ?? []),
    // A record that cannot be read says nothing.
    Effect.catchIf(
      ({ retryable }) => !retryable,
      () => Effect.succeed([])
    )
  )
  const lost = beginnings.filter(({ begins, isIn }) => sure.some(isIn) && !lasting.has(begins.name))
  if (lost.length === 0 || (yield* audit.read(position, 1)).length > 0) return
  for (const { begins } of lost)
    yield* audit.record({
      actor: "kubernaut",
      kind: "condition.lasts",
      subject: begins.name,
      // Two processes that find it at the same line tell the same.
      data: { key: `${prefix}${begins.name}-${position}`, reason: "the record says that it lasts" }
    })
})

/** What is told of a line `condition.lasts`; `undefined` for a condition of which this version knows nothing. */
export const toldOf = (condition: string): Told | undefined => {
  const found = beginnings.find(({ begins }) => begins.name === condition)
  if (found === undefined) return undefined
  const { begins, kind, severity, title } = found
  return { kind, severity, title, begins }
}
