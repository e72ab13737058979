/** `SpoolStore` on SQLite. The audit log says when a replay begins and ends, in the transactions that it is about. */

import type { DatabaseSync } from "node:sqlite"
import type { Timestamp } from "../../domain/Timestamp.ts"
import type { Replayed, ReplayedPost, SpoolStore } from "../spool/SpoolStore.ts"
import type { AuditTable } from "./AuditTable.ts"
import type { BatchWriter } from "./BatchWriter.ts"
import type { RemediationTable } from "./RemediationTable.ts"
import { prepare } from "./Sqlite.ts"

interface Position {
  readonly sequence: number
  readonly posts: number
  readonly alerts: number
  readonly receivedFrom: Timestamp
}

const repeat: Replayed = { isRepeat: true, accepted: [], resolved: [], missing: 0 }

export const make = (
  database: DatabaseSync,
  writer: BatchWriter,
  remediations: Pick<RemediationTable, "acceptLate" | "noneIsLate" | "resolve">,
  audit: AuditTable,
  isFile: boolean
): SpoolStore["Service"] => {
  const identity = prepare<{ readonly identity: string }>(
    database,
    "select identity from database_identity where id = 1"
  )
  const stored = isFile ? identity.get()?.identity : undefined
  const read = prepare<Position, [string]>(
    database,
    "select sequence, posts, alerts, received_from as receivedFrom from spool_replays where spool = ?"
  )
  const write = prepare<never, [string, number, number, number, string]>(
    database,
    `insert into spool_replays (spool, sequence, posts, alerts, received_from) values (?, ?, ?, ?, ?)
     on conflict (spool) do update set sequence = excluded.sequence, posts = excluded.posts, alerts = excluded.alerts`
  )

  /** What the audit log says about an entry. */
  const record = (post: ReplayedPost, { alerts, posts, receivedFrom }: Position, missing: number, now: Timestamp) => {
    const line = (kind: string, data: Readonly<Record<string, string | number>>) =>
      void audit.append({ actor: "kubernaut", kind, data }, post.spool, now)
    if (posts === 1) line("spool.replay-began", { receivedFrom })
    if (missing > 0) line("spool.damaged", { entries: missing, before: post.sequence })
    if (post.refusedTo !== undefined) line("spool.refused", { entry: post.sequence, file: post.refusedTo })
    if (post.isLast) line("spool.replayed", { receivedFrom, receivedUntil: post.at, posts, alerts })
  }

  return {
    ...(stored === undefined ? {} : { database: stored }),
    replay: (post, now) =>
      writer.write("replay", "intake", () => {
        const before = read.get(post.spool)
        if (before !== undefined && before.sequence >= post.sequence) return repeat
        const missing = post.sequence - (before?.sequence ?? 0) - 1
        const accepted = post.firing.map((alert) => remediations.acceptLate(alert, post.at))
        const resolved = post.resolved.map((end) => remediations.resolve(end, post.at))
        const position: Position = {
          sequence: post.sequence,
          posts: (before?.posts ?? 0) + 1,
          alerts: (before?.alerts ?? 0) + accepted.length + resolved.length,
          receivedFrom: before?.receivedFrom ?? post.at
        }
        write.run(post.spool, position.sequence, position.posts, position.alerts, position.receivedFrom)
        if (post.isLast) remediations.noneIsLate()
        record(post, position, missing, now)
        return { isRepeat: false, accepted, resolved, missing }
      })
  }
}
