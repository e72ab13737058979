/**
 * The nodes that this process is about to cordon. Two plans that read the nodes before either of them has written would
 * both see room for one more node; the reservation of the first one makes the second one ask.
 *
 * A reservation lasts from the plan until its execution ends, and no longer than an intent may be carried out. Reading
 * the nodes and reserving one, or reading them and cordoning one, is a single step.
 *
 * Reservations do not survive a restart. Therefore the nodes are read once more before a node is cordoned.
 */

import { type Effect, Semaphore } from "effect"

interface Reservation {
  readonly executionId: string
  readonly untilMs: number
}

export interface NodeReservations {
  /** Runs one reading of the nodes, and what follows from it, at a time. */
  readonly oneAtATime: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** The nodes that other executions have reserved. Times are those of the monotonic clock. */
  readonly ofOthers: (executionId: string, nowMs: number) => ReadonlySet<string>
  readonly reserve: (node: string, executionId: string, untilMs: number) => void
  readonly release: (executionId: string) => void
}

export const make = (): NodeReservations => {
  const semaphore = Semaphore.makeUnsafe(1)
  const reserved = new Map<string, Reservation>()
  return {
    oneAtATime: semaphore.withPermit,
    ofOthers: (executionId, nowMs) =>
      new Set(
        [...reserved]
          .filter(([, each]) => each.executionId !== executionId && each.untilMs > nowMs)
          .map(([node]) => node)
      ),
    reserve: (node, executionId, untilMs) => {
      reserved.set(node, { executionId, untilMs })
    },
    release: (executionId) => {
      for (const [node, each] of reserved) if (each.executionId === executionId) reserved.delete(node)
    }
  }
}
