/**
 * Bounds how long an operation of the spool's disk is waited for.
 *
 * An operation that hangs cannot be taken back: it may write, cut or remove something at any later time. So nothing
 * else is done on the disk before it has ended, and every other operation fails at once. That also keeps a disk that
 * hangs from taking all threads of Node.js. What is in the files is unknown afterwards, so they have to be opened
 * again.
 *
 * The operations are not to be called concurrently, or interrupted.
 */

import { Duration, Effect, Fiber, type Scope } from "effect"
import * as TimeLimit from "../../resilience/TimeLimit.ts"
import { type SpoolDisk, SpoolFault } from "./SpoolDisk.ts"

/** Longer than a disk takes that is only slow, and shorter than a sender tries again. */
const hungAfter = Duration.seconds(30)

const hung = Effect.fail(
  new SpoolFault({
    reason: "hung",
    detail: `an operation of its disk has not ended within ${Duration.toSeconds(hungAfter)} s`
  })
)

/** A disk of which no operation is waited for without an end. Operations that hang end with the scope. */
export const make = (disk: SpoolDisk): Effect.Effect<SpoolDisk, never, Scope.Scope> =>
  Effect.map(Effect.scope, (scope): SpoolDisk => {
    const excuses = new TimeLimit.Excuses()
    let hanging: Fiber.Fiber<unknown, SpoolFault> | undefined

    const ended = <A>(fiber: Fiber.Fiber<A, SpoolFault>): Effect.Effect<A, SpoolFault> =>
      Fiber.join(fiber).pipe(
        TimeLimit.within(excuses, hungAfter, (isExcused) => {
          if (isExcused) return ended(fiber)
          hanging = fiber
          return hung
        })
      )

    const run = <A>(operation: Effect.Effect<A, SpoolFault>): Effect.Effect<A, SpoolFault> =>
      Effect.suspend(() => {
        if (hanging !== undefined && hanging.pollUnsafe() === undefined) return hung
        hanging = undefined
        return Effect.flatMap(Effect.forkIn(operation, scope, { startImmediately: true }), ended)
      })

    return {
      lock: run(disk.lock),
      claim: (identity) => run(disk.claim(identity)),
      files: run(disk.files),
      create: (name, reservedBytes) => run(disk.create(name, reservedBytes)),
      read: (name, offset, length) => run(disk.read(name, offset, length)),
      write: (name, offset, content) => run(disk.write(name, offset, content)),
      sync: (name) => run(disk.sync(name)),
      cut: (name, bytes) => run(disk.cut(name, bytes)),
      rename: (from, to) => run(disk.rename(from, to)),
      remove: (name) => run(disk.remove(name))
    }
  })
