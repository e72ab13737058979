/** The last degradation level. It is durable, so that a restarted process knows where it was. */

import { Context, type Effect, type Option } from "effect"
import type { LevelLine, LevelRecord } from "../domain/LevelRecord.ts"
import type { StorageError } from "./StorageError.ts"

/** Records and reads the level. Provided by the layers of `Storage`. */
export class Levels extends Context.Service<
  Levels,
  {
    /** The level that was recorded last. `None`: none was, or it cannot be read by this version. */
    readonly latest: Effect.Effect<Option.Option<LevelRecord>, StorageError>
    /**
     * Records the level, and what has happened to it since the last call, in one transaction. Returns after the commit.
     * A line that was written late names in its data when it happened (`at`).
     */
    readonly record: (record: LevelRecord, lines: ReadonlyArray<LevelLine>) => Effect.Effect<void, StorageError>
  }
>()("kubernaut/storage/Levels") {}
