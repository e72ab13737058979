/** What was told of a wait for the database, in a file: the database is what cannot be written. */

import { rm } from "node:fs/promises"
import { Effect, Option, Schema } from "effect"
import * as SmallFile from "../storage/SmallFile.ts"
import { type StartMemory, StartNotice } from "./StartNotices.ts"

const Content = Schema.fromJsonString(StartNotice)
const decode = Schema.decodeUnknownOption(Content)
const encode = Schema.encodeSync(Content)

/**
 * Makes no folder: one where none is yet may belong to a volume that is not mounted, or mean something to others.
 * Removing a file needs no space on a full disk. Without it the next wait is told, and with one that says that the last
 * wait is not over it would not be.
 */
const write = (path: string, notice: StartNotice): Promise<void> =>
  SmallFile.replace(path, encode(notice)).catch((cause: unknown) => {
    if (!notice.isOver) throw cause
    return rm(path, { force: true })
  })

/** The file, which may be on a disk that is full, away or hung: then a restarted process tells again. */
export const make = (path: string): StartMemory => {
  const read = SmallFile.reader(path)
  let last = Option.none<StartNotice>()
  // One write at a time: two sinks may hear of it in the same moment.
  let written = Promise.resolve()
  return {
    read: Effect.suspend(() => (Option.isSome(last) ? Effect.succeed(last) : Effect.map(read, Option.flatMap(decode)))),
    write: (notice) =>
      Effect.suspend(() => {
        last = Option.some(notice)
        written = written.then(() => write(path, notice)).catch(() => {})
        return Effect.asVoid(
          Effect.timeoutOption(
            Effect.promise(() => written),
            SmallFile.patience
          )
        )
      })
  }
}
