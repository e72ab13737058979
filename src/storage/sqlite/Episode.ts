/**
 * Episodes of an alert. An episode begins with a firing post, and ends when the alert is resolved. Each post of the
 * same fingerprint within it belongs to the same remediation, whatever its `startsAt`: two replicas of Prometheus see
 * an alert begin at different moments, and a restarted Prometheus sees it begin again.
 *
 * The functions are pure. They decide what a post means from what the store knows of the newest remediation of the
 * fingerprint.
 *
 * `startsAt` and `endsAt` come from the clock of the sender, and the other times from ours. Times of the two clocks are
 * compared only as durations, or to bound a time in the future.
 */

import type { RemediationState } from "../../domain/Remediation.ts"
import { type Timestamp, toMillis } from "../../domain/Timestamp.ts"

/** What the store knows of an alert: its newest remediation, and the one that does the work if that one joined it. */
export interface KnownAlert {
  /** The `startsAt` of the post that began the remediation. */
  readonly startsAt: Timestamp
  readonly receivedAt: Timestamp
  /** The latest `startsAt` of all its posts. */
  readonly newestStart: Timestamp
  readonly resolved: boolean
  /** The `endsAt` of the last resolution of this fingerprint, of this or of an earlier episode. */
  readonly endedAt: Timestamp | undefined
  readonly work: {
    readonly open: boolean
    /** Whether another alert began it, and this one has joined it. */
    readonly joined: boolean
    readonly state: RemediationState
    /** Whether the alert of the working remediation is resolved. It may be another alert. */
    readonly resolved: boolean
    /** Whether it ended as `Observed` when it was received, and nobody has looked at it. */
    readonly onlyRecorded?: boolean
    /** Whether it ended because nobody answered the question in time. */
    readonly timedOut?: boolean
    /** Whether it ended because of an emergency or the emergency stop, and neither lasts any more. */
    readonly heldBack?: boolean
    /** When it ended, if it is not open. */
    readonly updatedAt: Timestamp
  }
}

/** A firing post, received at `at`. `lagMs`: how long an alert may fire on after its problem is fixed. */
export interface FiringPost {
  readonly startsAt: Timestamp
  readonly at: Timestamp
  readonly lagMs: number
  /** Whether no work is done about it. Default false. */
  readonly onlyRecorded?: boolean
}

/** What a firing post of a known alert means: a repeat changes nothing, and all others begin a remediation. */
export interface FiringRow {
  readonly situation: string
  readonly applies: (known: KnownAlert, post: FiringPost) => boolean
  readonly means: "new" | "repeat"
  /** The alert still fires although its remediation ended as `Remediated`: the fix did not help. */
  readonly refutes?: true
}

/**
 * How much later one replica of Prometheus may see an alert begin than another: a scrape interval and an evaluation
 * interval, both one minute by default.
 */
const replicaSkewMs = 120_000

/**
 * Whether the alert began to fire after its remediation had ended. The clocks of sender and store may differ, so the
 * time between the two starts is compared with the time that the remediation took. A known start that lay in the future
 * counts as the moment it was received once a post names a much earlier one: nothing would ever begin after it.
 */
const beganAfterTheEnd = ({ receivedAt, startsAt, work }: KnownAlert, post: FiringPost): boolean => {
  const isEarlier = toMillis(startsAt) - toMillis(post.startsAt) > replicaSkewMs
  const began = isEarlier ? startOf(startsAt, receivedAt) : startsAt
  return toMillis(post.startsAt) - toMillis(began) > toMillis(work.updatedAt) - toMillis(receivedAt) + replicaSkewMs
}

/** The meaning of a firing post: the first row that applies. The last one always applies. */
export const firingRows: ReadonlyArray<FiringRow> = [
  { situation: "the alert was resolved since", applies: ({ resolved }) => resolved, means: "new" },
  {
    // A late copy of a post began the remediation after the alert had been resolved. Its own open work is about the
    // alert that fires now. The work of another alert, which it has joined, may end without a look at it.
    situation: "its remediation is about an episode that was over, and it began to fire after that",
    applies: ({ endedAt, newestStart, work }, { startsAt }) =>
      (work.joined || !work.open) && endedAt !== undefined && newestStart <= endedAt && startsAt > endedAt,
    means: "new"
  },
  { situation: "its remediation is open", applies: ({ work }) => work.open, means: "repeat" },
  {
    // The sender chooses the fingerprint: a post about nothing must not hide an alert that needs work. And an alert may
    // have been recorded only because of a setting that has changed.
    situation: "it was only recorded, and is to be worked on",
    applies: ({ work }, { onlyRecorded = false }) => work.onlyRecorded === true && !onlyRecorded,
    means: "new"
  },
  {
    situation: "its remediation was cancelled because another alert, which led it, resolved",
    applies: ({ work }) => work.state === "Cancelled" && work.resolved,
    means: "new"
  },
  {
    // The resolution in between was never received, or Prometheus has restarted.
    situation: "it began to fire after its remediation ended",
    applies: beganAfterTheEnd,
    means: "new"
  },
  {
    situation: "it still fires long after its remediation ended as Remediated",
    applies: ({ work }, { at, lagMs }) =>
      work.state === "Remediated" && toMillis(at) - toMillis(work.updatedAt) > lagMs,
    means: "new",
    refutes: true
  },
  {
    // Nobody has decided, and perhaps nobody has seen it.
    situation: "it still fires, and the review of its remediation timed out",
    applies: ({ work }) => work.timedOut === true,
    means: "new"
  },
  {
    // Nothing was wrong with it, and alerts are acted on again.
    situation: "it still fires, and the emergency or the order that kept it from being acted on is over",
    applies: ({ work }) => work.heldBack === true,
    means: "new"
  },
  {
    // Alertmanager repeats an alert for as long as it fires. A person has been told, or the fix needs time to show.
    situation: "it still fires, and its remediation ended as Escalated, Observed, Cancelled or just now",
    applies: () => true,
    means: "repeat"
  }
]

/** The row of `firingRows` for a post. */
export const firingRow = (known: KnownAlert, post: FiringPost): FiringRow =>
  firingRows.find((row) => row.applies(known, post))!

/** The `startsAt` of a post, or the moment it was received if it lies in the future. */
export const startOf = (startsAt: Timestamp, at: Timestamp): Timestamp => (startsAt > at ? at : startsAt)

/**
 * What a resolution means:
 *
 * - `ends`: the alert is resolved.
 * - `overtaken`: the alert was resolved, and has begun to fire again since.
 * - `old`: it is a repeat of an earlier resolution, or belongs to an earlier episode.
 */
export const resolutionIs = (
  known: KnownAlert,
  { endsAt, startsAt }: { readonly startsAt: Timestamp; readonly endsAt: Timestamp },
  at: Timestamp
): "ends" | "overtaken" | "old" => {
  const { endedAt, newestStart } = known
  if (endedAt !== undefined && (endsAt === endedAt || (endedAt <= at && endsAt < endedAt))) return "old"
  if (startsAt === newestStart || endsAt >= newestStart) return "ends"
  const began = startOf(known.startsAt, known.receivedAt)
  return startsAt === known.startsAt || endsAt >= began ? "overtaken" : "old"
}
