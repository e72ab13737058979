import type { Layer } from "effect"
import type { ActionHistory } from "../../src/storage/ActionHistory.ts"
import type { AuditLog } from "../../src/storage/AuditLog.ts"
import type { RemediationStore } from "../../src/storage/RemediationStore.ts"
import type { StorageError } from "../../src/storage/StorageError.ts"

/** Provides an implementation of `storage` on a database that is empty each time the layer is built. */
export type StorageLayer = Layer.Layer<RemediationStore | ActionHistory | AuditLog, StorageError>
