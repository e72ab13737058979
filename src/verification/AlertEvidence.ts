/**
 * What is known about an alert since an action, as a fold over statements about it. Each statement has a time and a
 * source.
 *
 * The newest statement counts, with these exceptions:
 *
 * - A statement from before the action says nothing about the time after it. A resolution must also state an end after
 *   the action: Alertmanager sends it minutes later. By the sender's clock, so one that is slow is not believed, which
 *   is the safe side, and the time of receipt keeps one that is fast from being believed too early.
 * - That Alertmanager does not list the alert counts only if the same process of Alertmanager has listed it during this
 *   remediation, and only once the alert has been absent for the quiet time. An Alertmanager that was restarted lists
 *   nothing. Another one of a cluster may never have received the alert, and a filter may match nothing.
 * - While Alertmanager gives no usable response, its earlier absence of the alert proves nothing.
 * - A resolution counts once it has lasted for the stabilisation window, or for the quiet time where Alertmanager
 *   responds, and for five minutes if one before it did not last. Alertmanager resolves an alert that Prometheus is
 *   late to repeat, and then it fires again.
 * - An alert that joined, is more severe and has not ended counts as firing, although it was last heard before the
 *   action: the worst that is known about the target has to end too.
 */

import type { Timestamp } from "../domain/Timestamp.ts"
import type { Sighting } from "./FiringAlerts.ts"

/** What webhooks have said about an alert. */
export interface AlertPosts {
  /** When a webhook last reported the alert as firing. */
  readonly firingAt?: Timestamp
  /** When the alert last ended, if the newest webhook about it reported it as resolved. */
  readonly resolvedAt?: Timestamp
  /** When that webhook was received: `resolvedAt` is of the sender's clock, which may be slow or fast. */
  readonly resolvedHeardAt?: Timestamp
  /** When the alert last began to fire again after it had ended. */
  readonly againAt?: Timestamp
  /** When a webhook last reported as firing an alert that joined this one and is not resolved. */
  readonly joinedAt?: Timestamp
  /** Whether an alert that joined this one, and is not resolved, is more severe. */
  readonly graverJoined?: boolean
}

/** One statement. `atMs` is when it was heard, by the monotonic clock. */
export type Statement =
  | { readonly by: "webhook"; readonly atMs: number; readonly says: "firing" | "resolved" }
  /** Whether an alert that joined this one has fired since the action. */
  | { readonly by: "joined"; readonly atMs: number; readonly says: "firing" | "resolved" }
  | { readonly by: "alertmanager"; readonly atMs: number; readonly says: Sighting }

/** The state of the alert after all statements so far. */
export interface AlertEvidence {
  readonly state: "firing" | "resolved" | "unheard"
  /** The source and the time of the statement that decides. */
  readonly by: "webhook" | "alertmanager"
  readonly atMs: number
  /** When an alert that joined was last heard as firing; `undefined` once none fires any more. */
  readonly joinedAtMs: number | undefined
  /** The Alertmanager processes that have listed the alert. */
  readonly listedBy: ReadonlyArray<string>
  /** Since when the processes that have listed the alert list it no more. */
  readonly absentSinceMs: number | undefined
  /** Since when no response of Alertmanager lists the alert; `undefined` if the last one does, or there was none. */
  readonly unlistedSinceMs: number | undefined
  /** Whether Alertmanager's last response was unusable. */
  readonly silent: boolean
  /** Since when everything that was heard has ended; `undefined` while something fires, or nothing was heard. */
  readonly endedAtMs: number | undefined
  /** Whether something fired again after everything had ended. */
  readonly relapsed: boolean
}

/**
 * The state of the alert for a verdict:
 *
 * - `was-firing`: it fired after the action, and nothing that was heard lately says whether it still does.
 * - `ending`: it was resolved, or Alertmanager does not list it, but for less than the time that counts. Some alerts fire
 *   again then.
 * - `flapping`: it was resolved, fired again and was resolved again, less than five minutes ago.
 * - `unknown`: nothing was said about it since the action.
 */
export type AlertStatus = "resolved" | "ending" | "flapping" | "firing" | "was-firing" | "unknown"

/** Before any statement. */
export const unheard: AlertEvidence = {
  state: "unheard",
  by: "webhook",
  atMs: -Infinity,
  joinedAtMs: undefined,
  listedBy: [],
  absentSinceMs: undefined,
  unlistedSinceMs: undefined,
  silent: true,
  endedAtMs: undefined,
  relapsed: false
}

/**
 * After this time without another statement, it is not known whether an alert still fires: the default
 * `resolve_timeout` of Alertmanager, which then resolves an alert that nobody repeats.
 */
const staleAfterMs = 5 * 60_000

const listed = (self: AlertEvidence, instance: string): AlertEvidence => ({
  ...self,
  silent: false,
  unlistedSinceMs: undefined,
  listedBy: self.listedBy.includes(instance) ? self.listedBy : [...self.listedBy, instance]
})

const absent = (self: AlertEvidence, instance: string, atMs: number, quietMs: number): AlertEvidence => {
  const next = { ...self, silent: false, unlistedSinceMs: self.unlistedSinceMs ?? atMs }
  if (self.state === "resolved" || !self.listedBy.includes(instance)) return next
  const absentSinceMs = self.absentSinceMs ?? atMs
  return atMs - absentSinceMs < quietMs
    ? { ...next, absentSinceMs }
    : { ...next, absentSinceMs, state: "resolved", by: "alertmanager", atMs }
}

/** How long an alert must have ended. */
export interface Lookback {
  /** The stabilisation window. */
  readonly steadyMs: number
  /** The quiet time: it counts where Alertmanager responds. */
  readonly quietMs: number
}

interface Settings extends Lookback {
  /** When the action was carried out. */
  readonly actedAtMs: number
}

const heard = (self: AlertEvidence, { atMs, by, says }: Statement, { actedAtMs, quietMs }: Settings): AlertEvidence => {
  const isBefore = atMs < actedAtMs
  if (by === "joined") return isBefore ? self : { ...self, joinedAtMs: says === "firing" ? atMs : undefined }
  if (by === "webhook") return isBefore ? self : { ...self, state: says, by, atMs, absentSinceMs: undefined }
  switch (says._tag) {
    case "Listed": {
      const next = listed(self, says.instance)
      return isBefore ? next : { ...next, state: "firing", by, atMs, absentSinceMs: undefined }
    }
    case "Absent":
      return isBefore ? self : absent(self, says.instance, atMs, quietMs)
    case "Silent":
      return isBefore ? self : { ...self, silent: true }
  }
}

const hasEnded = ({ joinedAtMs, state }: AlertEvidence): boolean => state === "resolved" && joinedAtMs === undefined

/** The evidence after one more statement. Statements must be in the order in which they were heard. */
export const hear = (self: AlertEvidence, statement: Statement, settings: Settings): AlertEvidence => {
  const next = heard(self, statement, settings)
  if (!hasEnded(next)) return { ...next, endedAtMs: undefined, relapsed: self.relapsed || hasEnded(self) }
  if (hasEnded(self)) return next
  return { ...next, endedAtMs: (statement.by === "alertmanager" ? next.absentSinceMs : undefined) ?? statement.atMs }
}

/** The state of the alert at a time. */
export const statusOf = (self: AlertEvidence, nowMs: number, { quietMs, steadyMs }: Lookback): AlertStatus => {
  const { atMs, by, endedAtMs = nowMs, joinedAtMs, relapsed, silent, state, unlistedSinceMs } = self
  const isAsked = !silent && unlistedSinceMs !== undefined
  const firing = (saidMs: number): AlertStatus => (nowMs - saidMs > staleAfterMs ? "was-firing" : "firing")
  if (joinedAtMs !== undefined) return firing(state === "firing" ? Math.max(atMs, joinedAtMs) : joinedAtMs)
  switch (state) {
    case "unheard":
      return isAsked && nowMs - unlistedSinceMs < quietMs ? "ending" : "unknown"
    case "resolved":
      if (by === "alertmanager" && silent) return "unknown"
      if (relapsed && nowMs - endedAtMs < staleAfterMs) return "flapping"
      return nowMs - endedAtMs < (isAsked ? quietMs : steadyMs) ? "ending" : "resolved"
    case "firing":
      return firing(atMs)
  }
}

/**
 * The statements in the posts that are new since the last look, in their order. The first look (`before` is
 * `undefined`) compares them with the end of the action by the wall clock; later ones notice each change, so a wall
 * clock that is set meanwhile changes nothing.
 */
export const statementsIn = (
  posts: AlertPosts,
  before: AlertPosts | undefined,
  { actedAt, atMs }: { readonly actedAt: Timestamp; readonly atMs: number }
): ReadonlyArray<Statement> => {
  const isNew = (at: Timestamp | undefined, known: Timestamp | undefined) =>
    at !== undefined && (before === undefined ? at >= actedAt : at !== known)
  const { againAt, firingAt, joinedAt, resolvedAt, resolvedHeardAt } = posts
  // A resolution that is withdrawn was refuted by a firing alert.
  const isRefuted = before?.resolvedAt !== undefined && resolvedAt === undefined
  // An alert that ended before the action may have started again since, and the notification may come much later.
  const endedSince = resolvedAt !== undefined && resolvedAt >= actedAt
  const heardSince = before === undefined ? (resolvedHeardAt ?? actedAt) >= actedAt : resolvedAt !== before.resolvedAt
  const ended = endedSince && heardSince
  const joinedFires =
    joinedAt !== undefined
    && (posts.graverJoined === true
      || joinedAt >= actedAt
      || (before?.joinedAt !== undefined && joinedAt > before.joinedAt))
  return [
    // Before the alert's own, because one webhook may say that it ended and that another one fires.
    // Said again only when it is heard again, so that it becomes stale.
    ...(joinedFires && joinedAt !== before?.joinedAt ? [{ by: "joined", atMs, says: "firing" } as const] : []),
    ...(joinedFires ? [] : [{ by: "joined", atMs, says: "resolved" } as const]),
    // It ended and began again. Both may have been heard since the last look, or by a process before this one.
    ...(isNew(againAt, before?.againAt) ? [{ by: "webhook", atMs, says: "resolved" } as const] : []),
    ...(isRefuted || isNew(firingAt, before?.firingAt) ? [{ by: "webhook", atMs, says: "firing" } as const] : []),
    ...(ended ? [{ by: "webhook", atMs, says: "resolved" } as const] : [])
  ]
}
