/**
 * `RemediationStore` on SQLite. Each write is one closure in a batch of `BatchWriter`, so it reads and writes one
 * consistent state, without locks or retries. Reads run on the same connection between batches and see committed data
 * only.
 */

import type { DatabaseSync } from "node:sqlite"
import { Clock, Effect, Option } from "effect"
import type { JournalEntry } from "../../domain/Remediation.ts"
import { fromMillis } from "../../domain/Timestamp.ts"
import type { RemediationStore } from "../RemediationStore.ts"
import type { BatchWriter } from "./BatchWriter.ts"
import type { JournalTable } from "./JournalTable.ts"
import * as RemediationQueries from "./RemediationQueries.ts"
import type { RemediationTable } from "./RemediationTable.ts"
import { attempt } from "./Sqlite.ts"

export const make = (
  database: DatabaseSync,
  writer: BatchWriter,
  remediations: RemediationTable,
  journal: JournalTable
): RemediationStore["Service"] => {
  const queries = RemediationQueries.make(database)
  return {
    accept: (alerts, at) =>
      writer.write("accept", "intake", () => alerts.map((alert) => remediations.accept(alert, at))),
    known: (alerts) =>
      Effect.flatMap(Clock.currentTimeMillis, (millis) =>
        attempt("known", () => alerts.map((alert) => remediations.find(alert, fromMillis(millis))))
      ),
    resolve: (alerts, at) =>
      writer.write("resolve", "intake", () => alerts.map((alert) => remediations.resolve(alert, at))),
    claim: (key, begin) =>
      Effect.flatMap(Clock.currentTimeMillis, (millis) =>
        Effect.map(
          writer.write("claim", "journal", () => remediations.claim(key, fromMillis(millis), begin)),
          ({ claim, open }) => ({ claim, open: Option.fromUndefinedOr(open) })
        )
      ),
    append: (claim, self, events, at) =>
      Effect.flatMap(
        writer.write("append", "journal", () => remediations.append(claim, self, events, at)),
        Effect.fromResult
      ),
    holds: (claim) => attempt("holds", () => remediations.holds(claim)),
    retarget: (claim, self, owner, at) =>
      Effect.flatMap(
        writer.write("retarget", "journal", () => remediations.retarget(claim, self, owner, at)),
        Effect.fromResult
      ),
    review: (id, answer, at) =>
      Effect.flatMap(
        writer.write("review", "journal", () => remediations.review(id, answer, at)),
        Effect.fromResult
      ),
    requestRollback: (id, ask, at) =>
      Effect.flatMap(
        writer.write("requestRollback", "journal", () => remediations.requestRollback(id, ask, at)),
        Effect.fromResult
      ),
    timeOutReviews: (at, askedBefore = "") =>
      Effect.flatMap(
        attempt("dueReviews", () => queries.dueReviews(at, askedBefore)),
        (due) =>
          due.length === 0
            ? Effect.succeed([])
            : writer.write("timeOutReviews", "journal", () =>
                queries.dueReviews(at, askedBefore).flatMap((id) => remediations.timeOut(id, at) ?? [])
              )
      ),
    reviews: (limit) => attempt("reviews", () => queries.reviews(limit)),
    get: (id) => attempt("get", () => Option.fromUndefinedOr(remediations.get(id))),
    journal: (id) =>
      attempt("journal", () =>
        journal.entries(id, 0).filter((entry): entry is JournalEntry => entry.event !== undefined)
      ),
    list: (query) => attempt("list", () => queries.list(query)),
    openWork: attempt("openWork", queries.openWork),
    openTargets: attempt("openTargets", () => queries.openWork().map(({ target }) => target)),
    backlog: Effect.sync(remediations.backlog),
    lastFiring: (id) => attempt("lastFiring", () => Option.fromUndefinedOr(queries.lastFiring(id))),
    joinedAlerts: (id, limit) => attempt("joinedAlerts", () => queries.joinedAlerts(id, limit))
  }
}
