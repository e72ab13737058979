/** Runs and checks the archive of the database that the settings name. */

import { existsSync } from "node:fs"
import { type Duration, Effect } from "effect"
import { Archive, type ArchiveError } from "../../storage/Archive.ts"
import { inspect } from "../../storage/sqlite/Inspection.ts"
import { schemaVersion } from "../../storage/sqlite/Migrations.ts"
import * as Storage from "../../storage/Storage.ts"
import type { StorageError } from "../../storage/StorageError.ts"
import { readSettings } from "../Edge.ts"
import { CommandFailed } from "../ExitCode.ts"
import { print } from "../Output.ts"
import * as StorageParts from "../StorageParts.ts"

const failed = (error: StorageError | ArchiveError) => new CommandFailed({ code: "unavailable", text: error.message })

/** Uses the archive of an existing database. Only the service migrates one: another one may be running on it. */
const withArchive = <A>(use: (archive: Archive["Service"]) => Effect.Effect<A, StorageError | ArchiveError>) =>
  Effect.gen(function* () {
    const settings = yield* readSettings
    const filename = StorageParts.databaseFile(settings)
    if (!existsSync(filename))
      return yield* new CommandFailed({
        code: "bad",
        text: `There is no database ${filename}. Set KUBERNAUT_DATABASE_URL.`
      })
    const found = yield* Effect.mapError(inspect(filename), failed)
    if (found._tag === "Foreign")
      return yield* new CommandFailed({
        code: "bad",
        text: `${filename} is a database of another program. Check KUBERNAUT_DATABASE_URL.`
      })
    if (found._tag === "Kubernaut" && found.version < schemaVersion)
      return yield* new CommandFailed({
        code: "bad",
        text: `${filename} has schema version ${found.version}, and this program works on version ${schemaVersion}. Start the service of this version first: it migrates the database.`
      })
    const storage = Storage.layerSqlite(StorageParts.storageOptions(settings))
    return yield* Effect.flatMap(Archive, use).pipe(Effect.provide(storage), Effect.mapError(failed))
  })

export const run = (olderThan: Duration.Duration) =>
  Effect.flatMap(
    withArchive((archive) => archive.run(olderThan)),
    (report) =>
      print(report, () => [
        `Moved ${report.remediations} remediations and ${report.auditLines} audit lines.`,
        ...report.files.map((file) => `  ${file}`)
      ])
  )

export const check = Effect.gen(function* () {
  const problems = yield* withArchive((archive) => archive.check)
  yield* print(problems, () =>
    problems.length === 0
      ? ["The archive is complete and unchanged."]
      : problems.map(({ file, problem }) => `${file}: ${problem}`)
  )
  if (problems.length > 0) return yield* new CommandFailed({ code: "bad", text: "The archive has problems." })
})
