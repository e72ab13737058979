/** `/api/v1/remediations` and `/api/v1/reviews`. */

import { Effect, Option, Schema } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import {
  type JournalEntry,
  type Remediation,
  RemediationEvent,
  type RemediationId,
  type RemediationState
} from "../../domain/Remediation.ts"
import type { ReviewAnswer } from "../../domain/Review.ts"
import { suspectsForPeople } from "../../investigation/evidence/SuspectEvidence.ts"
import { type ChangedSinceShown, Reviews } from "../../remediation/Reviews.ts"
import { type InArchive, type NotAwaiting, RemediationStore } from "../../storage/RemediationStore.ts"
import { SpendLedger } from "../../storage/SpendLedger.ts"
import { ServedApi } from "../Api.ts"
import { CurrentPrincipal } from "../Authentication.ts"
import { withoutSecrets } from "../HiddenValues.ts"
import { suspectList, undoneChanges } from "../IncidentChanges.ts"
import { Conflict, failing, NotFound } from "../problems/Problem.ts"
import { storageFault } from "../problems/StorageFault.ts"
import type { RemediationDetail } from "../Responses.ts"
import * as RollbackHandler from "./RollbackHandler.ts"

const encodeEvent = Schema.encodeSync(RemediationEvent)

/** An event of an earlier version may hold more than people may see. */
const forPeople = (event: RemediationEvent): RemediationEvent =>
  event._tag === "Investigated" && event.suspects !== undefined
    ? { ...event, suspects: suspectsForPeople(event.suspects) }
    : event

const journalLine = ({ at, event, sequence }: JournalEntry): RemediationDetail["events"][number] => {
  const { _tag, ...data } = encodeEvent(forPeople(event))
  return { sequence, at, kind: _tag, data: data as unknown as Schema.JsonObject }
}

/** A remediation as the API shows it, without internal fields and without the secrets in its patches. */
export const detail = (self: Remediation, journal: ReadonlyArray<JournalEntry>): RemediationDetail => {
  const {
    investigated: _investigated,
    investigatedAt: _investigatedAt,
    investigations: _investigations,
    provisional: _provisional,
    questions: _questions,
    seen: _seen,
    sequence: _sequence,
    spanId: _spanId,
    suspects: _suspects,
    ...shown
  } = self
  const suspects = suspectList(self)
  const undone = undoneChanges(self)
  return withoutSecrets({
    ...shown,
    ...(suspects === undefined ? {} : { suspects }),
    ...(undone.length === 0 ? {} : { undone }),
    events: journal.map(journalLine)
  })
}

const notFound = (id: RemediationId) =>
  failing(new NotFound({ detail: `There is no remediation ${id}. See GET /api/v1/remediations.` }))

/** One that the service does not have any more. */
const gone = (id: RemediationId, { file, state }: InArchive) =>
  failing(new NotFound({ detail: `${endedAs(id, state)} and is archived: ${inFile(file)}` }))

const endedAs = (id: RemediationId, state: RemediationState | undefined): string =>
  `Remediation ${id} has ended${state === undefined ? "" : ` as ${state}`}`

const inFile = (file: string | undefined): string => `the file ${file} of the archive has it, with its journal.`

/** What a person reads about an answer that does not count, and what to do next. */
const refusalText = ({ asks, at, by, file, remediationId: id, state, why }: NotAwaiting): string => {
  switch (why) {
    case "archived":
      return `${endedAs(id, state)} and is archived, so no answer counts any more: ${inFile(file)}`
    case "older-question":
      return `Remediation ${id} has changed and asks question ${asks} now. See GET /api/v1/reviews.`
    case "already-reviewed":
      return `Remediation ${id} was already reviewed by ${by} at ${at}. See GET /api/v1/remediations/${id}.`
    case "timed-out":
      return `The review of remediation ${id} timed out at ${at}, because nobody had answered. Nothing is done; the next post of the alert begins new work.`
    case "alert-resolved":
      return `The alert of remediation ${id} resolved at ${at}, so nothing is left to do.`
    case "not-asked":
    case "not-found":
      return `Remediation ${id} is ${state} and does not await review. See GET /api/v1/reviews for pending reviews.`
  }
}

const notAwaiting = (error: NotAwaiting) =>
  error.why === "not-found"
    ? notFound(error.remediationId)
    : failing(
        new Conflict({
          detail: refusalText(error),
          code: error.why,
          ...(error.asks === undefined ? {} : { question: error.asks })
        })
      )

const changedSinceShown = ({ decision, difference, message }: ChangedSinceShown) =>
  failing(
    new Conflict({
      detail: message,
      code: "changed",
      ...(decision.outcome === "review" && decision.question !== undefined ? { question: decision.question } : {}),
      difference
    })
  )

export const RemediationHandlers = HttpApiBuilder.group(
  ServedApi,
  "remediations",
  Effect.fnUntraced(function* (handlers) {
    const store = yield* RemediationStore
    const reviews = yield* Reviews
    const rollback = yield* RollbackHandler.make
    const ledger = yield* Effect.serviceOption(SpendLedger)

    const review = (answer: ReviewAnswer["answer"]) =>
      Effect.fnUntraced(function* ({
        params: { id },
        payload
      }: {
        readonly params: { readonly id: RemediationId }
        readonly payload: { readonly reason?: string; readonly question?: number } | null
      }) {
        const { name } = yield* CurrentPrincipal
        const after = yield* reviews
          .answer(id, {
            answer,
            by: name,
            ...(payload?.reason === undefined ? {} : { reason: payload.reason }),
            ...(payload?.question === undefined ? {} : { question: payload.question })
          })
          .pipe(
            Effect.catchTags({
              StorageError: storageFault,
              NotAwaiting: notAwaiting,
              ChangedSinceShown: changedSinceShown
            })
          )
        return { id, state: after.state }
      })

    return handlers
      .handle("list", ({ query: { cursor, limit, state } }) =>
        store
          .list({
            limit: limit ?? 50,
            ...(state === undefined ? {} : { state }),
            ...(cursor === undefined ? {} : { cursor })
          })
          .pipe(
            Effect.catchTag("StorageError", storageFault),
            Effect.map(({ items, nextCursor }) => ({
              remediations: items,
              ...(nextCursor === undefined ? {} : { nextCursor })
            }))
          )
      )
      .handle("get", ({ params: { id } }) =>
        Effect.gen(function* () {
          const found = yield* store.get(id)
          if (Option.isNone(found))
            return yield* Option.match(yield* store.archivedIn(id), {
              onNone: () => notFound(id),
              onSome: (found) => gone(id, found)
            })
          const calls = Option.isNone(ledger) ? [] : yield* ledger.value.ofRemediation(id)
          const shown = detail(found.value, yield* store.journal(id))
          return calls.length === 0 ? shown : { ...shown, calls }
        }).pipe(Effect.catchTag("StorageError", storageFault))
      )
      .handle("approve", review("approved"))
      .handle("reject", review("rejected"))
      .handle("rollback", rollback)
  })
)

export const ReviewHandlers = HttpApiBuilder.group(
  ServedApi,
  "reviews",
  Effect.fnUntraced(function* (handlers) {
    const store = yield* RemediationStore
    return handlers.handle("pending", ({ query }) =>
      store.reviews(query.limit ?? 100).pipe(
        Effect.catchTag("StorageError", storageFault),
        Effect.map((reviews) => ({ reviews }))
      )
    )
  })
)
