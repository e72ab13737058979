import type { Layer } from "effect"
import type * as Storage from "../../src/storage/Storage.ts"
import type { StorageError } from "../../src/storage/StorageError.ts"

/** Provides an implementation of `storage` on a database that is empty each time the layer is built. */
export type StorageLayer = Layer.Layer<Storage.Services, StorageError>
