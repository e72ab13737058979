/** A digest: what is said of notifications that are too many to send each. Pure. */

import { type Notification, type NotificationKind, NotificationSeverity } from "../domain/Notification.ts"
import type { Timestamp } from "../domain/Timestamp.ts"

/** How many notifications there are of which kind, and the most severe ones. */
export interface Digest {
  readonly total: number
  /** The most frequent kind first. */
  readonly counts: ReadonlyArray<{ readonly kind: NotificationKind; readonly count: number }>
  /** The most severe, and of equal ones the latest; at most five. */
  readonly mostSevere: ReadonlyArray<Notification>
  /** When the earliest and the latest of them happened. */
  readonly from: Timestamp
  readonly to: Timestamp
}

const named = 5

/** How urgent a notification is: 0 is critical, and a higher number is less urgent. */
export const rankOf = ({ severity }: Notification): number => NotificationSeverity.literals.indexOf(severity)

/** Sorts the most severe first, and of equal ones the latest. */
const bySeverity = (left: Notification, right: Notification): number =>
  rankOf(left) - rankOf(right) || (left.at < right.at ? 1 : left.at > right.at ? -1 : 0)

/** The digest of one or more notifications. */
export const digestOf = (notifications: readonly [Notification, ...ReadonlyArray<Notification>]): Digest => {
  const counts = new Map<NotificationKind, number>()
  for (const { kind } of notifications) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  const times = notifications.map(({ at }) => at).toSorted()
  return {
    total: notifications.length,
    counts: [...counts]
      .map(([kind, count]) => ({ kind, count }))
      .toSorted((left, right) => right.count - left.count || left.kind.localeCompare(right.kind)),
    mostSevere: notifications.toSorted(bySeverity).slice(0, named),
    from: times[0] ?? notifications[0].at,
    to: times.at(-1) ?? notifications[0].at
  }
}

/** The title of a digest. */
export const digestTitle = ({ total }: Digest): string => `${total} notifications in one, because there are many`

/** The counts in one line: `12 escalated, 3 approval-waiting`. */
export const countsText = ({ counts }: Digest): string => counts.map(({ count, kind }) => `${count} ${kind}`).join(", ")
