/** What was told of a wait for the database, in a file: the database is what cannot be written. */

import { Effect, Option, Schema } from "effect"
import * as SmallFile from "../storage/SmallFile.ts"
import { type StartMemory, StartNotice } from "./StartNotices.ts"

const Content = Schema.fromJsonString(StartNotice)
const decode = Schema.decodeUnknownOption(Content)
const encode = Schema.encodeSync(Content)

/**
 * Makes no folder: one where none is yet may belong to a volume that is not mounted, or mean something to others.
 * Without the file the next wait is told, and with one that says that the last wait is not over it would not be.
 */
const write = (path: string, notice: StartNotice): Promise<void> =>
  SmallFile.replace(path, encode(notice)).catch((cause: unknown) => {
    if (!notice.isOver) throw cause
    return SmallFile.remove(path)
  })

/** The file, which may be on a disk that is full, away or hung: then a restarted process tells again. */
export const make = (path: string): StartMemory => {
  let last = Option.none<StartNotice>()
  // Two sinks may hear of it in the same moment, and the disk may hang: what is written is what was told last.
  const file = SmallFile.at(path, (at) => (Option.isSome(last) ? write(at, last.value) : Promise.resolve()))
  const orLast = (content: Effect.Effect<Option.Option<string>>) =>
    Effect.suspend(() => (Option.isSome(last) ? Effect.succeed(last) : Effect.map(content, Option.flatMap(decode))))
  return {
    read: orLast(file.read),
    answer: orLast(file.answer),
    write: (notice) =>
      Effect.suspend(() => {
        last = Option.some(notice)
        const written = file.store()
        return Effect.asVoid(
          Effect.timeoutOption(
            Effect.promise(() => written),
            SmallFile.patience
          )
        )
      })
  }
}
