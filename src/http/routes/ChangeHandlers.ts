/**
 * `GET /api/v1/changes`: what changed in the cluster, and when nobody watched.
 *
 * A list without changes says nothing by itself: `watched` and `gaps` say whether somebody would have seen one. Where
 * changes are not recorded at all, the response is a problem, not an empty list.
 */

import { Clock, Effect, Option, Result, Semaphore } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { ChangeJournal } from "../../changes/ChangeJournal.ts"
import { changesOfTarget, type RelatedChange } from "../../changes/ChangesOfTarget.ts"
import { intervalsOf, whyOf } from "../../changes/GapText.ts"
import { suspectKinds } from "../../changes/SuspectFinder.ts"
import type { ChangePlace, ChangeQuery } from "../../domain/ChangeQuery.ts"
import type { ChangeId, ObjectChange } from "../../domain/ObjectChange.ts"
import type { ResourceRef } from "../../domain/Target.ts"
import * as Timestamp from "../../domain/Timestamp.ts"
import { KubernetesClient } from "../../kubernetes/KubernetesClient.ts"
import { ServedApi } from "../Api.ts"
import { changeView, type RecordedChange, relatedView } from "../ChangeView.ts"
import { badRequest, failing, NotRecorded } from "../problems/Problem.ts"
import { storageFault } from "../problems/StorageFault.ts"
import { parseKinds, parseTarget } from "../TargetQuery.ts"
import * as TimeQuery from "../TimeQuery.ts"

/** Graphs that are read at the same time, so that people who look never hold up a remediation. */
const graphsAtOnce = 2
const defaultSince = "1h"
const defaultLimit = 50
/** A page ends before it is larger than this, unless one change is. */
const pageCharacters = 1_000_000

const off =
  "This service does not record changes, so it does not know what changed. Set KUBERNAUT_CHANGES=on and start it again: changes are known from then on."

interface Query {
  readonly target?: string
  readonly since?: string
  readonly until?: string
  readonly kind?: string
  readonly namespace?: string
  readonly limit?: number
  readonly cursor?: ChangeId
}

const faulty = (name: keyof Query, message: string) => failing(badRequest([{ path: ["query", name], message }]))

const orFaulty = <A>(name: keyof Query, result: Result.Result<A, string>) =>
  Result.match(result, { onSuccess: (value) => Effect.succeed(value), onFailure: (message) => faulty(name, message) })

/** A pod is not recorded, but it leads to what it depends on. */
const targetKinds = (journal: ChangeJournal["Service"]): ReadonlyArray<string> => [...journal.kinds, "Pod"]

/** The interval of a query. It ends now at the latest. */
const intervalOf = Effect.fnUntraced(function* (query: Query) {
  const nowMs = yield* Clock.currentTimeMillis
  const now = Timestamp.fromMillis(nowMs)
  const timeOf = (text: string) => TimeQuery.toTimestamp(TimeQuery.parse(text) ?? { _tag: "Ago", millis: 0 }, nowMs)
  const since = timeOf(query.since ?? defaultSince)
  const until = query.until === undefined ? now : timeOf(query.until)
  if (since > now) return yield* faulty("since", `Expected a time that is not after now, ${now}`)
  if (until < since) return yield* faulty("until", `Expected a time that is not before since, ${since}`)
  return { since, until: until > now ? now : until }
})

/** The place where the page before has ended. */
const placeOf = Effect.fnUntraced(function* (journal: ChangeJournal["Service"], cursor: ChangeId) {
  const last = yield* journal.find(cursor)
  return last === undefined
    ? yield* faulty("cursor", "The change of this cursor is no longer kept. Expected none, to begin again")
    : ({ at: last.at, id: last.id } satisfies ChangePlace)
})

interface Found {
  readonly changes: ReadonlyArray<ObjectChange | RelatedChange>
  readonly kinds: ReadonlyArray<string>
  readonly unread: ReadonlyArray<string>
  readonly isPartlyRecorded?: boolean
  readonly target?: { readonly ref: ResourceRef; readonly exists: "yes" | "no" | "unknown" }
}

interface Sources {
  readonly journal: ChangeJournal["Service"]
  readonly client: Option.Option<KubernetesClient["Service"]>
  readonly graphs: Semaphore.Semaphore
}

const ofEverything = ({ journal }: Sources, query: ChangeQuery) =>
  Effect.map(journal.list(query), (changes): Found => ({
    changes,
    kinds: query.kinds ?? journal.kinds,
    unread: []
  }))

const ofTarget = Effect.fnUntraced(function* (
  { client, graphs, journal }: Sources,
  target: ResourceRef,
  query: ChangeQuery
) {
  if (Option.isNone(client)) {
    const found = yield* ofEverything({ client, graphs, journal }, { ...query, refs: [target] })
    return {
      ...found,
      unread: ["all objects that the target depends on"],
      target: { ref: target, exists: "unknown" }
    } satisfies Found
  }
  const found = yield* graphs.withPermit(changesOfTarget(journal, client.value, target, query))
  const kinds = query.kinds ?? [...new Set([...suspectKinds, ...found.kinds])]
  return {
    changes: found.changes,
    kinds: kinds.filter((kind) => journal.kinds.includes(kind)),
    unread: found.unread,
    isPartlyRecorded: found.isPartlyRecorded,
    target: { ref: target, exists: found.exists }
  } satisfies Found
})

/**
 * The kinds for which the API server does not show that every change of the interval has arrived. It is only asked
 * where the interval would be called watched throughout.
 */
const lateOf = Effect.fnUntraced(function* (
  { graphs, journal }: Sources,
  target: ResourceRef | undefined,
  { after, kinds, since = "", until = "" }: ChangeQuery
) {
  const concerned = kinds ?? (target === undefined ? journal.kinds : [...new Set([...suspectKinds, target.kind])])
  const recorded = concerned.filter((kind) => journal.kinds.includes(kind))
  if (after !== undefined || intervalsOf(yield* journal.gaps(recorded, since), since, until).length > 0) return []
  return yield* graphs.withPermit(journal.confirm(recorded, until))
})

/** As many changes as fit on a page. Other requests have their turn after each. */
const pageOf = Effect.fnUntraced(function* (found: Found["changes"], limit: number) {
  const page: Array<RecordedChange> = []
  let left = pageCharacters
  for (const each of found.slice(0, limit)) {
    const view = "change" in each ? relatedView(each.change, each.relation, each.distance) : changeView(each)
    left -= JSON.stringify(view).length
    if (page.length > 0 && left < 0) break
    page.push(view)
    yield* Effect.yieldNow
  }
  return page
})

export const ChangeHandlers = HttpApiBuilder.group(
  ServedApi,
  "changes",
  Effect.fnUntraced(function* (handlers) {
    const recording = yield* Effect.serviceOption(ChangeJournal)
    const client = yield* Effect.serviceOption(KubernetesClient)
    const graphs = yield* Semaphore.make(graphsAtOnce)

    const list = Effect.fnUntraced(function* ({ query }: { readonly query: Query }) {
      if (Option.isNone(recording) || recording.value.kinds.length === 0)
        return yield* failing(new NotRecorded({ detail: off }))
      const journal = recording.value
      const { cursor, kind, limit = defaultLimit, namespace, target } = query
      const interval = yield* intervalOf(query)
      const ref =
        target === undefined ? undefined : yield* orFaulty("target", parseTarget(target, targetKinds(journal)))
      const kinds = kind === undefined ? undefined : yield* orFaulty("kind", parseKinds(kind, journal.kinds))
      const after = cursor === undefined ? undefined : yield* placeOf(journal, cursor)
      const sources = { journal, client, graphs }
      const asked: ChangeQuery = {
        ...interval,
        ...(kinds === undefined ? {} : { kinds }),
        ...(namespace === undefined ? {} : { namespace }),
        ...(after === undefined ? {} : { after }),
        limit: limit + 1
      }
      const late = yield* lateOf(sources, ref, asked)
      const found: Found = yield* ref === undefined ? ofEverything(sources, asked) : ofTarget(sources, ref, asked)
      const known = yield* journal.gaps(found.kinds, interval.since)
      const gaps = intervalsOf([...known, ...late], interval.since, interval.until)
      const changes = yield* pageOf(found.changes, limit)
      const last = changes.at(-1)
      return {
        ...interval,
        ...(found.target === undefined ? {} : { target: found.target }),
        watched: gaps.length === 0 && found.isPartlyRecorded !== true ? ("throughout" as const) : ("partly" as const),
        gaps: gaps.map((gap) => ({ ...gap, why: whyOf(gap.reason) })),
        unread: found.unread,
        changes,
        ...(last === undefined || changes.length === found.changes.length ? {} : { nextCursor: last.id })
      }
    })

    return handlers.handle("list", (request) => list(request).pipe(Effect.catchTag("StorageError", storageFault)))
  })
)
