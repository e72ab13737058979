/**
 * `RemediationStore` on SQLite. Each write is one closure in a batch of `BatchWriter`, so it reads and writes one
 * consistent state, without locks or retries. Reads run on the same connection between batches and see committed data
 * only.
 */

import type { DatabaseSync } from "node:sqlite"
import { Clock, Effect, Option, Result } from "effect"
import type { JournalEntry } from "../../domain/Remediation.ts"
import { fromMillis } from "../../domain/Timestamp.ts"
import { NotAwaiting, type RemediationStore } from "../RemediationStore.ts"
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
  const refusable = <A, E>(operation: string, body: () => Result.Result<A, E>) =>
    Effect.flatMap(writer.write(operation, "journal", body), Effect.fromResult)
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
    append: (...args) => refusable("append", () => remediations.append(...args)),
    start: (...args) =>
      Effect.map(
        refusable("append", () => remediations.start(...args)),
        Option.fromUndefinedOr
      ),
    holds: (claim) => attempt("holds", () => remediations.holds(claim)),
    retarget: (claim, self, owner, at) => refusable("retarget", () => remediations.retarget(claim, self, owner, at)),
    review: (id, answer, at) =>
      refusable("review", () =>
        Result.mapError(remediations.review(id, answer, at), (refusal) => {
          const found = refusal.why === "not-found" ? queries.archivedIn(id) : undefined
          return found === undefined ? refusal : new NotAwaiting({ remediationId: id, why: "archived", ...found })
        })
      ),
    requestRollback: (id, ask, at) => refusable("requestRollback", () => remediations.requestRollback(id, ask, at)),
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
    earlierFirings: (id, limit) => attempt("earlierFirings", () => queries.earlierFirings(id, limit)),
    archivedIn: (id) => attempt("archivedIn", () => Option.fromUndefinedOr(queries.archivedIn(id))),
    joinedAlerts: (id, limit) => attempt("joinedAlerts", () => queries.joinedAlerts(id, limit))
  }
}
