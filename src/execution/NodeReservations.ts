/**
 * The nodes that this process is about to cordon. Two plans that read the nodes before either of them has written would
 * both see room for one more node; the reservation of the first one makes the second one ask.
 *
 * A reservation lasts from the plan until its execution ends, and no longer than an intent may be carried out unless it
 * is being carried out. It counts against those that come after it, and not against those that came before.
 *
 * No plan waits for another one: a reading of the nodes may take minutes, while the cluster is slow or our own limits
 * hold requests up. Instead, a reservation that ends during a reading still counts for it, because the nodes may have
 * been read before the node was cordoned.
 *
 * Reservations do not survive a restart. Therefore the nodes are read once more before a node is cordoned.
 */

import { Effect } from "effect"

interface Reservation {
  readonly node: string
  readonly executionId: string
  /** Of two reservations the one with the lower place came first. */
  readonly place: number
  /** By the monotonic clock. */
  readonly untilMs: number
  /** When it was released, in the order of readings and releases; `undefined` while it lasts. */
  readonly releasedAt: number | undefined
}

/** A reading of the nodes that has begun. */
export interface Reading {
  /**
   * The nodes that others have reserved before this execution did, now or at any time since the reading began. Reserve
   * in the same synchronous step.
   */
  readonly reservedBefore: (executionId: string, nowMs: number) => ReadonlySet<string>
}

export interface NodeReservations {
  /** Runs a reading of the nodes. */
  readonly reading: <A, E, R>(use: (reading: Reading) => Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Reserves a node for an execution. A reservation that it has keeps its place. */
  readonly reserve: (node: string, executionId: string, untilMs: number) => void
  readonly release: (executionId: string) => void
}

export const make = (): NodeReservations => {
  let reservations: ReadonlyArray<Reservation> = []
  const readings = new Set<number>()
  let latest = 0

  /** The reservation of an execution that lasts. */
  const of = (executionId: string): Reservation | undefined =>
    reservations.find((each) => each.executionId === executionId && each.releasedAt === undefined)

  /** Drops the released reservations that no reading can have missed. */
  const prune = (): void => {
    const oldest = Math.min(...readings)
    reservations = reservations.filter(({ releasedAt }) => releasedAt === undefined || releasedAt > oldest)
  }

  const readingSince = (since: number): Reading => ({
    reservedBefore: (executionId, nowMs) => {
      // Nobody releases what was planned and is never carried out.
      reservations = reservations.filter(({ releasedAt, untilMs }) => releasedAt !== undefined || untilMs > nowMs)
      const place = of(executionId)?.place ?? Number.POSITIVE_INFINITY
      const counts = (each: Reservation) =>
        each.executionId !== executionId
        && each.place < place
        && (each.releasedAt === undefined || each.releasedAt > since)
      return new Set(reservations.filter(counts).map(({ node }) => node))
    }
  })

  return {
    reading: (use) =>
      Effect.suspend(() => {
        const since = ++latest
        readings.add(since)
        return Effect.ensuring(
          Effect.suspend(() => use(readingSince(since))),
          Effect.sync(() => {
            readings.delete(since)
            prune()
          })
        )
      }),
    reserve: (node, executionId, untilMs) => {
      const known = of(executionId)
      const reservation = { node, executionId, place: known?.place ?? ++latest, untilMs, releasedAt: undefined }
      reservations = [...reservations.filter((each) => each !== known), reservation]
    },
    release: (executionId) => {
      const releasedAt = ++latest
      reservations = reservations.map((each) =>
        each.executionId === executionId && each.releasedAt === undefined ? { ...each, releasedAt } : each
      )
      prune()
    }
  }
}
