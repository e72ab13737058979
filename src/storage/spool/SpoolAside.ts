/**
 * What a process accepted before it knew its database, in a folder that turned out to belong to another one.
 *
 * The other database must not replay it, and nothing accepted is lost. So it is set aside in a file that names its
 * database, and joins the spool when the folder is given to that database.
 */

import { Effect } from "effect"
import type { SpoolDisk, SpoolFault } from "./SpoolDisk.ts"
import { alertsIn, type SpooledPost } from "./SpooledPost.ts"
import { storeWhole } from "./SpoolFile.ts"
import { lineOf } from "./SpoolFormat.ts"
import { asideNameOf, isAlerts, isAside, nameOf, numberOf } from "./SpoolNames.ts"

/** Stores posts for a database, on disk when it returns. They are a use of their own, which nothing precedes. */
export const store = Effect.fnUntraced(function* (
  disk: SpoolDisk,
  database: string,
  spool: string,
  posts: ReadonlyArray<SpooledPost>
) {
  const name = asideNameOf(database, spool)
  const lines = posts.map((post, index) => lineOf({ ...post, spool, sequence: index + 1 }))
  yield* storeWhole(disk, name, Buffer.concat(lines))
  yield* Effect.logError("Alerts were accepted before the database was open, and the spool belongs to another one", {
    file: name,
    alerts: posts.reduce((sum, post) => sum + alertsIn(post), 0)
  })
})

/** Whether something was set aside for a database. */
export const isThere = (disk: SpoolDisk, database: string): Effect.Effect<boolean, SpoolFault> =>
  Effect.map(disk.files, (names) => names.some((name) => isAside(name, database)))

/** What was set aside for the database joins its spool, behind the other files. Names what is for other databases. */
export const join = Effect.fnUntraced(function* (disk: SpoolDisk, database: string) {
  const names = (yield* disk.files).toSorted()
  const last = Math.max(0, ...names.filter(isAlerts).map(numberOf))
  const ours = names.filter((name) => isAside(name, database))
  yield* Effect.forEach(ours, (name, index) => disk.rename(name, nameOf(last + 1 + index)), { discard: true })
  const others = names.filter((name) => isAside(name) && !isAside(name, database))
  if (others.length > 0)
    yield* Effect.logError("Alerts of other databases were set aside in the spool. Move their files by hand", {
      files: others
    })
})
