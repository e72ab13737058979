/** A database in a folder of its own, and the lives of the process that uses it. */

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as Storage from "../../src/storage/Storage.ts"
import { minute } from "./Incident.ts"

export const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-archive-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** Runs an effect on storage in the folder, as one process would, `days` after the incident began. */
export const life = <A, E>(folder: string, days: number, effect: Effect.Effect<A, E, Storage.Services>) =>
  Effect.andThen(
    TestClock.setTime(Date.parse(minute(days * 24 * 60))),
    Effect.provide(effect, Storage.layerSqlite({ filename: join(folder, "kubernaut.db") }), { local: true })
  )
