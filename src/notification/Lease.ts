/**
 * Which notifications this process may send, where several processes share a database. Pure, except for what it has
 * seen.
 *
 * A claim of another process is waited for until this process has seen it unchanged for `leaseMs`. Its holder sends
 * within that time or not at all, so a process that takes the notification over does not send it beside the holder.
 * Only durations count, each measured by one process on its monotonic clock: a wall clock that is set ends no claim
 * early, and keeps none for hours. The price is that a restarted process waits for `leaseMs` before it repeats what the
 * one before it was sending when it was killed.
 *
 * **Where every commit is slow**, no claim would be good for sending. After a few in a row the message is sent all the
 * same: it may come twice, under the same key, and would otherwise never come.
 */

import type { Waiting } from "../storage/Outbox.ts"

/** How long a message may take, with all its attempts. */
export const messageMs = 20_000
/** How long a claim of another process is waited for. */
export const leaseMs = 25_000
/** How long after it was asked for, a claim is good for beginning to send. */
export const beginWithinMs = leaseMs - messageMs
/** How many claims in a row may come too late. */
const mostLate = 2

type Row = Pick<Waiting, "id" | "claim">

/** What one process knows of the claims on what waits for one sink. */
export interface Lease {
  /** The number of the last claim that this process made, by the place of the notification. */
  readonly mine: Map<number, number>
  /** The claims of others, and when this process has seen them first. */
  readonly seen: Map<number, { readonly number: number; readonly sinceMs: number }>
  /** How many claims of this process in a row took too long. */
  late: number
}

export const make = (): Lease => ({ mine: new Map(), seen: new Map(), late: 0 })

/** Takes note of what waits now. Forgets what does not wait any more. `unread`: what waits, and was not read. */
export const look = (
  { mine, seen }: Lease,
  rows: ReadonlyArray<Row>,
  nowMs: number,
  unread: ReadonlyArray<number> = []
): void => {
  const ids = new Set([...unread, ...rows.map(({ id }) => id)])
  for (const known of [mine, seen]) for (const id of known.keys()) if (!ids.has(id)) known.delete(id)
  for (const { claim, id } of rows) {
    if (!claim.isHeld || mine.get(id) === claim.number) seen.delete(id)
    else if (seen.get(id)?.number !== claim.number) seen.set(id, { number: claim.number, sinceMs: nowMs })
  }
}

/** When a notification may be claimed, as far as `look` has seen; in the past if it may be claimed now. */
export const freeAtMs = ({ seen }: Lease, id: number): number =>
  (seen.get(id)?.sinceMs ?? Number.NEGATIVE_INFINITY) + leaseMs

/** This process has claimed these rows, which took so long. Returns whether it may begin to send them. */
export const claimed = (lease: Lease, rows: ReadonlyArray<Row>, tookMs: number): boolean => {
  for (const { claim, id } of rows) lease.mine.set(id, claim.number + 1)
  lease.late = tookMs <= beginWithinMs ? 0 : lease.late + 1
  return lease.late === 0 || lease.late > mostLate
}

/** The claims that this process has made, for giving them back. */
export const claims = ({ mine }: Lease): ReadonlyArray<{ readonly id: number; readonly number: number }> =>
  Array.from(mine, ([id, number]) => ({ id, number }))

/**
 * Measures the claims of others from the next look. After an outage of the database: a holder that has sent its message
 * could not record that, and gets the time to do so.
 */
export const restart = ({ seen }: Lease): void => seen.clear()
