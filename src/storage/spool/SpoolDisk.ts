/**
 * The folder of the spool, as a port: the file system in `NodeSpoolDisk`, a simulated one in the simulator.
 *
 * Nothing that `write` has written is safe before `sync` has returned. After a `sync` that failed, nobody knows what is
 * on the disk: Linux drops the pages that it could not write, and the next `sync` succeeds all the same. So nothing
 * more may be acknowledged on the strength of that file.
 */

import { type Effect, Schema } from "effect"

/** A file operation of the spool failed. */
export class SpoolFault extends Schema.TaggedError<SpoolFault>()("SpoolFault", {
  reason: Schema.Literals([
    /** Another process has the folder. */
    "locked",
    /** The folder has the alerts of another database. */
    "foreign",
    /** No space left, or the spool has its greatest size. */
    "full",
    /** The file system, or the folder, refuses writes. */
    "read-only",
    /** An operation has not ended, and may take effect at any time. Nothing else is done before it has. */
    "hung",
    /** Any other error. */
    "failed"
  ]),
  /** For the operator: which file, and the code of the system. Never the content of an alert. */
  detail: Schema.String
}) {
  override get message(): string {
    const is = this.reason === "failed" ? "broken" : this.reason === "foreign" ? "not ours" : this.reason
    return `the spool is ${is}: ${this.detail}`
  }
}

/** File operations on one folder. Names are names of files in it. */
export interface SpoolDisk {
  /** Takes the folder for this process, and makes it if it is missing. May be called again. */
  readonly lock: Effect.Effect<void, SpoolFault>
  /**
   * Gives the folder to the database with this identity. Fails as `foreign` if it belongs to another one, whose alerts
   * are in it. May be called again.
   */
  readonly claim: (identity: string) => Effect.Effect<void, SpoolFault>
  /** The names of the files, in no order. */
  readonly files: Effect.Effect<ReadonlyArray<string>, SpoolFault>
  /** Makes an empty file with so many bytes of reserved space, on disk with its name. */
  readonly create: (name: string, reservedBytes: number) => Effect.Effect<void, SpoolFault>
  /** `length` bytes from `offset`; fewer at the end of the file. Default: the whole file. */
  readonly read: (name: string, offset?: number, length?: number) => Effect.Effect<Uint8Array, SpoolFault>
  readonly write: (name: string, offset: number, content: Uint8Array) => Effect.Effect<void, SpoolFault>
  /** What was written to the file is on disk when this returns. */
  readonly sync: (name: string) => Effect.Effect<void, SpoolFault>
  /** Cuts off what is beyond this length. */
  readonly cut: (name: string, bytes: number) => Effect.Effect<void, SpoolFault>
  readonly rename: (from: string, to: string) => Effect.Effect<void, SpoolFault>
  readonly remove: (name: string) => Effect.Effect<void, SpoolFault>
}
