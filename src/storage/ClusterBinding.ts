/**
 * The cluster that a database belongs to. The journal names objects only by cluster, namespace, kind and name, so a
 * database that is opened against another cluster would drive work on objects that it knows nothing about.
 */

import { Context, type Effect, type Option } from "effect"
import type { StorageError } from "./StorageError.ts"

/** Provided by the layers of `Storage`. */
export class ClusterBinding extends Context.Service<
  ClusterBinding,
  {
    /**
     * Binds the database to the cluster with this uid, if it is not bound yet. Returns the uid that it is bound to,
     * which is another one if the database belongs to another cluster. Returns after the commit.
     */
    readonly bind: (uid: string) => Effect.Effect<string, StorageError>
    /** The uid that the database is bound to, if any. */
    readonly bound: Effect.Effect<Option.Option<string>, StorageError>
  }
>()("kubernaut/storage/ClusterBinding") {}
