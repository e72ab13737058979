/** The storage of the service as the settings describe it: the database, its archive, the spool, and their checks. */

import { dirname, join } from "node:path"
import { type Duration, Effect, Layer, Option } from "effect"
import { RemediationId } from "../domain/Remediation.ts"
import type * as Components from "../http/routes/Components.ts"
import type { Check } from "../http/routes/Operations.ts"
import { Archive } from "../storage/Archive.ts"
import { RemediationStore } from "../storage/RemediationStore.ts"
import * as AlertSpool from "../storage/spool/AlertSpool.ts"
import { folderOf, type SpoolOwner } from "../storage/spool/SpoolPlace.ts"
import type * as Storage from "../storage/Storage.ts"
import { StorageHealth } from "../storage/StorageHealth.ts"
import type { Settings } from "./settings/Settings.ts"

/** `sqlite:./data/kubernaut.db` without its scheme. */
export const databaseFile = (settings: Settings): string => settings.databaseUrl.replace(/^sqlite:(\/\/)?/, "")

/** Archives once a day. A failed run is logged, and the next day's run continues where it stopped. */
export const archiveDaily = (olderThan: Duration.Duration) =>
  Effect.flatMap(Archive, (archive) =>
    archive.run(olderThan).pipe(
      Effect.flatMap(({ auditLines, remediations }) =>
        Effect.logInfo("Old data was archived", { remediations, auditLines })
      ),
      Effect.catch((error) => Effect.logError("Old data could not be archived", { reason: error.message })),
      Effect.andThen(Effect.sleep("1 day")),
      Effect.forever
    )
  )

/** The folder of the spool. A database in memory has none beside it. */
const spoolDirectory = (settings: Settings): string | undefined => {
  const file = databaseFile(settings)
  if (settings.spool === "off") return undefined
  return settings.spoolDirectory ?? (file === ":memory:" ? undefined : join(dirname(file), "spool"))
}

const ownerOf = (settings: Settings): SpoolOwner => ({
  cluster: settings.clusterName,
  database: databaseFile(settings)
})

/**
 * A file for what must outlive the process while the database stores nothing: beside the folder of the spool, or beside
 * the database. Only the spool makes folders there, and decides by what it finds in them.
 */
const fileBeside = (settings: Settings, name: string): string => {
  const root = spoolDirectory(settings)
  return `${root === undefined ? databaseFile(settings) : folderOf(root, ownerOf(settings))}.${name}.json`
}

/** Where a process that waits for its database keeps what people were told. */
export const startNoticeFile = (settings: Settings): string => fileBeside(settings, "notice")

/** The database and its archive. */
export const storageOptions = (settings: Settings): Storage.StorageOptions => ({
  filename: databaseFile(settings),
  ...(databaseFile(settings) === ":memory:" ? {} : { levelFile: fileBeside(settings, "level") }),
  archive: {
    ...(settings.archiveDirectory === undefined ? {} : { directory: settings.archiveDirectory }),
    ...(settings.archiveKey === undefined ? {} : { keyFile: settings.archiveKey })
  }
})

/** What it means for alerts that the database cannot be opened. */
export const meaningOfWaiting = (settings: Settings): string =>
  spoolDirectory(settings) === undefined
    ? "Alerts are refused until it can, and no action starts"
    : "Alerts are kept in the spool until it can, and no action starts"

/** The spool that the settings ask for, if any. */
export const spool = (settings: Settings): Layer.Layer<never> => {
  const directory = spoolDirectory(settings)
  return directory === undefined
    ? Layer.empty
    : // Parts look for it as an optional service.
      AlertSpool.layer({
        directory,
        maxBytes: settings.spoolMaxSize,
        owner: ownerOf(settings)
      })
}

/**
 * Whether the last commit was stored, and whether the database can be read: looks up an id that does not exist. Both
 * are cheap enough for every probe. The supervised child `storage` writes when nothing else does.
 */
export const databaseCheck: Effect.Effect<Check, never, RemediationStore | StorageHealth> = Effect.gen(function* () {
  const store = yield* RemediationStore
  const health = yield* StorageHealth
  const readable = store.get(RemediationId.make("none")).pipe(
    Effect.as({ ok: true } as const),
    Effect.catch((error) => Effect.succeed({ ok: false, message: error.message } as const))
  )
  return {
    name: "storage",
    check: Effect.flatMap(health.status, (status) =>
      status._tag === "Up" ? readable : Effect.succeed({ ok: false, message: status.message } as const)
    )
  }
})

/** What an operator has to know of the spool. */
const spoolMessage = ({ alerts, fault, posts, since }: AlertSpool.SpoolStatus): string | undefined => {
  if (posts === 0) return fault
  const waiting = `${alerts} alert${alerts === 1 ? "" : "s"} in ${posts} post${posts === 1 ? "" : "s"} wait for the database${since === undefined ? "" : ` since ${since}`}`
  return fault === undefined ? waiting : `${waiting}; ${fault}`
}

/** The spool as the status shows it, if there is one: `degraded` while alerts wait in it. */
export const spoolComponent: Effect.Effect<ReadonlyArray<Components.Part>> = Effect.map(
  Effect.serviceOption(AlertSpool.AlertSpool),
  Option.match({
    onNone: () => [],
    onSome: ({ status }) => [
      {
        name: "spool",
        status: Effect.map(status, (now) => {
          const message = spoolMessage(now)
          return {
            status:
              now.fault !== undefined ? ("down" as const) : now.posts > 0 ? ("degraded" as const) : ("up" as const),
            ...(message === undefined ? {} : { message })
          }
        })
      }
    ]
  })
)

/** Whether an alert could be stored now: in the database, about which `check` is, or in the spool. */
export const orInSpool = Effect.fnUntraced(function* ({ check, name }: Check) {
  const spool = yield* Effect.serviceOption(AlertSpool.AlertSpool)
  if (Option.isNone(spool)) return { check, name }
  return {
    name,
    check: Effect.gen(function* () {
      const database = yield* check
      if (database.ok) return database
      const { fault } = yield* spool.value.check
      return fault === undefined ? { ok: true } : { ok: false, message: `${database.message}; ${fault}` }
    })
  } satisfies Check
})

/** Whether an alert could be stored now, in the database or in the spool. */
export const readyCheck = Effect.flatMap(databaseCheck, orInSpool)
