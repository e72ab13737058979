/**
 * Keeps the durable copy of the level up to date: what changed is queued in memory, and recorded by a fiber of its own,
 * so that the level never waits for the database. While the database is down, the fiber tries again, and everything is
 * recorded in order when it is back.
 */

import { Effect, Exit, Option, Queue } from "effect"
import type { LevelLine, LevelRecord } from "../domain/LevelRecord.ts"

/** Where the level is kept. `Levels` of `storage` has this shape. */
export interface LevelStore {
  readonly record: (
    record: LevelRecord,
    lines: ReadonlyArray<LevelLine>
  ) => Effect.Effect<void, { readonly _tag: string }>
  /** Lines that it has not recorded, also those of the process before this one. */
  readonly unrecorded?: Effect.Effect<ReadonlyArray<unknown>>
  /** Forgets processes that are gone. */
  readonly tidy?: Effect.Effect<void, { readonly _tag: string }>
}

/** The lines that wait at most. The level rises at most once in 5 minutes, so that is a database that is down for hours. */
const mostLines = 100
const retryEvery = "2 seconds"
/** So other processes on the database know that this one is there, what it is in, and what the next one must know. */
const sayAgainEvery = "5 seconds"

/** Whether nobody misses anything if others forget this process. */
const saysNothing = ({ dismissed, isCutOff, level, out, unrestored = [] }: LevelRecord): boolean =>
  level === 0 && isCutOff !== true && out.length + dismissed.length + unrestored.length === 0

const same = (left: LevelRecord, right: LevelRecord | undefined): boolean =>
  right !== undefined && JSON.stringify(left) === JSON.stringify(right)

/** Makes the memory of one process. `recorded`: what the database has now. */
export const make = Effect.fnUntraced(function* (store: LevelStore | undefined, recorded: LevelRecord | undefined) {
  let newest = recorded
  let lines: ReadonlyArray<LevelLine> = []
  let lost = 0
  const wakes = yield* Queue.sliding<void>(1)

  const keep = (record: LevelRecord, added: ReadonlyArray<LevelLine>): void => {
    if (store === undefined || (added.length === 0 && same(record, newest))) return
    newest = record
    const all = [...lines, ...added]
    lost += Math.max(0, all.length - mostLines)
    lines = all.slice(-mostLines)
    Queue.offerUnsafe(wakes, undefined)
  }

  /** `lost` lines are counted in the first line that is left. */
  const told = (batch: ReadonlyArray<LevelLine>): ReadonlyArray<LevelLine> =>
    lost === 0 ? batch : batch.map((line, index) => (index === 0 ? { ...line, data: { ...line.data, lost } } : line))

  const isRecorded = () => newest === undefined || (lines.length === 0 && newest === recorded)

  /** Records what there is. Returns whether anything is left. */
  const flush = Effect.gen(function* () {
    if (store === undefined || newest === undefined || isRecorded()) return false
    const [record, batch] = [newest, lines]
    const exit = yield* Effect.exit(store.record(record, told(batch)))
    if (Exit.isFailure(exit)) yield* Effect.timeoutOption(Effect.never, retryEvery)
    else {
      recorded = record
      lines = lines.filter((line) => !batch.includes(line))
      lost = 0
    }
    return !isRecorded()
  })

  /** Waits until something was kept. Meanwhile it records again what others must not forget, and what was not recorded. */
  const wait = Effect.gen(function* () {
    for (;;) {
      if (store === undefined) return yield* Queue.take(wakes)
      if (Option.isSome(yield* Effect.timeoutOption(Queue.take(wakes), sayAgainEvery))) return
      if (newest === undefined) continue
      if (saysNothing(newest) && (store.unrecorded === undefined || (yield* store.unrecorded).length === 0)) continue
      // The next one follows soon.
      yield* Effect.ignore(store.record(newest, []))
    }
  })

  /** Also while nothing can be recorded, because what others have left in files is taken up then, too. */
  const tidy = Effect.forever(Effect.delay(Effect.ignore(store?.tidy ?? Effect.void), sayAgainEvery))

  return {
    /** Remembers the level. Returns at once. */
    keep,
    /** Records what was kept. Run it for as long as the service. */
    run: Effect.all([tidy, Effect.forever(Effect.andThen(wait, Effect.repeat(flush, { while: (isLeft) => isLeft })))], {
      concurrency: "unbounded"
    }).pipe(Effect.andThen(Effect.never))
  }
})
