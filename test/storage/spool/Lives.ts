/** Processes that have a spool on the file system one after the other, or at the same time. */

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { Effect, type Scope } from "effect"
import { type AlertSpool, make } from "../../../src/storage/spool/AlertSpool.ts"
import * as NodeSpoolDisk from "../../../src/storage/spool/NodeSpoolDisk.ts"
import type { SpoolOwner } from "../../../src/storage/spool/SpoolPlace.ts"
import { firing, named } from "./Posts.ts"

type Spool = AlertSpool["Service"]

export const limits = { maxBytes: 64 * 1024, reservedBytes: 8 * 1024 }

/** A folder that ends with the test. */
export const directory: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-place-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** One process with the spool. Without `owner` it is one of an earlier version. */
export const life = <A, E>(
  root: string,
  owner: SpoolOwner | undefined,
  use: (spool: Spool) => Effect.Effect<A, E, Scope.Scope>,
  given = limits
) =>
  Effect.scoped(
    Effect.flatMap(
      Effect.flatMap(NodeSpoolDisk.make(root, owner), (disk) => make(disk, given)),
      use
    )
  )

/** Puts posts into the spool. */
export const append =
  (...names: ReadonlyArray<string>) =>
  (spool: Spool) =>
    Effect.forEach(names, (name) => spool.append(firing(name)), { discard: true })

/** What waits, in order. */
export const drain = (spool: Spool) =>
  Effect.gen(function* () {
    const replayed: Array<string> = []
    while ((yield* spool.status).posts > 0) {
      const { entry } = yield* spool.oldest
      replayed.push(named(entry))
      yield* spool.replayed(entry)
    }
    return replayed
  })

/** What the database with this identity takes from the spool. */
export const as = (identity: string) => (spool: Spool) => Effect.andThen(spool.belongTo(identity), drain(spool))

/** A database file as SQLite makes it. */
export const database = (path: string) => {
  const made = new DatabaseSync(path)
  made.exec("create table t (id integer)")
  made.close()
}
