/** `ChangeStore` on SQLite. */

import type { DatabaseSync } from "node:sqlite"
import { Effect, Option, Schema } from "effect"
import { type ChangeQuery, newestFirst } from "../../domain/ChangeQuery.ts"
import { ObjectChange, type WatchGap } from "../../domain/ObjectChange.ts"
import type { ResourceRef } from "../../domain/Target.ts"
import type { ChangeStore, Snapshot, StoredEvent, WatchCursor } from "../ChangeStore.ts"
import type { BatchWriter } from "./BatchWriter.ts"
import { attempt, prepare } from "./Sqlite.ts"

/** The number of events that are stored in one step, so that the alerts that wait meanwhile do not wait long. */
const eventsAtOnce = 50

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(ObjectChange))
const encode = Schema.encodeSync(Schema.fromJsonString(ObjectChange))

type ObjectKey = [kind: string, namespace: string, name: string]

interface Data {
  readonly id: string
  readonly data: string
}

/** The number of changes that are kept decoded. */
const mostDecoded = 4000

/**
 * Decodes rows. A change never changes, and the alerts of a storm ask for the same ones: decoding them costs several
 * times what reading them does. A row of another version, or a damaged one, is no known change.
 */
const makeDecoded = () => {
  const known = new Map<string, ObjectChange>()
  const remember = (change: ObjectChange): ObjectChange => {
    known.set(change.id, change)
    if (known.size > mostDecoded) known.delete(known.keys().next().value!)
    return change
  }
  return (rows: ReadonlyArray<Data>): ReadonlyArray<ObjectChange> =>
    rows.flatMap(({ data, id }) => {
      const before = known.get(id)
      return before === undefined
        ? Option.match(decode(data), { onNone: () => [], onSome: (change) => [remember(change)] })
        : [before]
    })
}

type Bounds = [since: string, until: string, afterAt: string, afterId: string, limit: number]

const bounds = "at >= ? and at <= ? and (at, id) < (?, ?) order by at desc, id desc limit ?"

const boundsOf = ({ after, limit, since = "", until = "9" }: ChangeQuery): Bounds => [
  since,
  until,
  after?.at ?? "9",
  after?.id ?? "",
  limit
]

/**
 * Finds rows in the index by object, and reads only those that are returned. By time, every change of the interval
 * would be read: with 50,000 of them that takes 60 ms, and this takes 3.
 */
const byObject = (conditions: string): string =>
  `select id, data from changes where id in (
     select id from changes indexed by changes_object where ${conditions} and ${bounds}
   ) order by at desc, id desc`

/** The kinds that the index has, one look each. */
const kindsThere = `with recursive there (kind) as (
    select min(kind) from changes
    union all select (select min(kind) from changes where kind > there.kind) from there where there.kind is not null
  ) select json_group_array(kind) from there where kind is not null`

/** The kind of the gap that what was dropped has left. It concerns every kind. */
const anyKind = "*"

/** The gap of one object has the key of the object for its kind. */
const gapKey = ({ kind, name, namespace }: ResourceRef): string => `${kind} ${namespace}/${name}`

/** What a gap of these kinds is about; nothing if it is about another one. */
const subjectsOf = (key: string, kinds: ReadonlyArray<string>): ReadonlyArray<Pick<WatchGap, "kind" | "object">> => {
  if (key === anyKind) return kinds.map((kind) => ({ kind }))
  const [kind = "", path] = key.split(" ")
  if (!kinds.includes(kind)) return []
  const [namespace = "", name = ""] = path?.split("/") ?? []
  return [path === undefined ? { kind } : { kind, object: { namespace, kind, name } }]
}

const statements = (database: DatabaseSync) => ({
  insert: prepare<never, [string, ...ObjectKey, string, string]>(
    database,
    "insert into changes (id, kind, namespace, name, at, data) values (?, ?, ?, ?, ?, ?) on conflict (id) do nothing"
  ),
  put: prepare<never, [...ObjectKey, string, string, string]>(
    database,
    `insert into change_snapshots (kind, namespace, name, uid, resource_version, data) values (?, ?, ?, ?, ?, ?)
     on conflict (kind, namespace, name) do update set
       uid = excluded.uid, resource_version = excluded.resource_version, data = excluded.data`
  ),
  remove: prepare<never, ObjectKey>(
    database,
    "delete from change_snapshots where kind = ? and namespace = ? and name = ?"
  ),
  cursor: prepare<never, [string, string, string]>(
    database,
    `insert into change_cursors (kind, resource_version, seen_at) values (?, ?, ?)
     on conflict (kind) do update set resource_version = excluded.resource_version, seen_at = excluded.seen_at`
  ),
  gap: prepare<never, [string, string, string, string]>(
    database,
    "insert into change_gaps (kind, from_at, to_at, reason) values (?, ?, ?, ?) on conflict do nothing"
  ),
  ofObject: prepare<Data, [...ObjectKey, ...Bounds]>(
    database,
    `select id, data from changes where kind = ? and namespace = ? and name = ? and ${bounds}`
  ),
  ofNamespace: prepare<Data, [kinds: string | null, namespace: string, ...Bounds]>(
    database,
    byObject(`kind in (select value from json_each(coalesce(?, (${kindsThere})))) and namespace = ?`)
  ),
  ofKinds: prepare<Data, [kinds: string, ...Bounds]>(database, byObject("kind in (select value from json_each(?))")),
  latest: prepare<Data, Bounds>(database, `select id, data from changes where ${bounds}`),
  find: prepare<Data, [string]>(database, "select id, data from changes where id = ?"),
  gaps: prepare<
    { readonly kind: string; readonly from_at: string; readonly to_at: string; readonly reason: string },
    [string]
  >(database, "select kind, from_at, to_at, reason from change_gaps where to_at > ? order by to_at"),
  cursors: prepare<{ readonly kind: string; readonly resource_version: string; readonly seen_at: string }>(
    database,
    "select kind, resource_version, seen_at from change_cursors"
  ),
  snapshots: prepare<{
    readonly kind: string
    readonly namespace: string
    readonly name: string
    readonly uid: string
    readonly resource_version: string
    readonly data: string
  }>(database, "select kind, namespace, name, uid, resource_version, data from change_snapshots")
})

/** What drops changes and gaps that are too old or too many. */
const retaining = (database: DatabaseSync) => ({
  crowded: prepare<{ readonly kind: string; readonly namespace: string; readonly name: string }, [number]>(
    database,
    "select kind, namespace, name from changes group by kind, namespace, name having count(*) > ?"
  ),
  /** The latest time of the changes that `dropOfObject` drops. */
  excessOfObject: prepare<{ readonly at: string }, [...ObjectKey, ...ObjectKey, number]>(
    database,
    `select max(at) as at from changes where kind = ? and namespace = ? and name = ? and id <= (
       select id from changes where kind = ? and namespace = ? and name = ? order by id desc limit 1 offset ?)
     having max(at) is not null`
  ),
  dropOfObject: prepare<never, [...ObjectKey, ...ObjectKey, number]>(
    database,
    `delete from changes where kind = ? and namespace = ? and name = ? and id <= (
       select id from changes where kind = ? and namespace = ? and name = ? order by id desc limit 1 offset ?)`
  ),
  dropOldest: prepare<never, [number]>(
    database,
    "delete from changes where id <= (select id from changes order by id desc limit 1 offset ?)"
  ),
  /** The last change that `dropOldest` drops. */
  excess: prepare<{ readonly at: string }, [number]>(
    database,
    `select max(at) as at from changes where id <= (select id from changes order by id desc limit 1 offset ?)
     having max(at) is not null`
  ),
  /** What was dropped once is still gone. */
  dropGap: prepare<never, [string, string]>(database, "delete from change_gaps where kind = ? and to_at < ?"),
  dropBefore: prepare<never, [string]>(database, "delete from changes where at < ?"),
  dropGaps: prepare<never, [string]>(database, "delete from change_gaps where to_at < ?")
})

const keyOf = ({ kind, name, namespace }: ResourceRef): ObjectKey => [kind, namespace, name]

const chunked = <A>(items: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(items.length / eventsAtOnce) }, (_, index) =>
    items.slice(index * eventsAtOnce, (index + 1) * eventsAtOnce)
  )

const prune = (
  sql: ReturnType<typeof retaining> & Pick<ReturnType<typeof statements>, "gap">,
  { before, inAll, perObject }: Parameters<ChangeStore["Service"]["prune"]>[0]
): void => {
  const [excess] = sql.excess.all(inAll)
  const old = sql.dropBefore.run(before) + sql.dropGaps.run(before)
  sql.dropOldest.run(inAll)
  const upTo = excess !== undefined && excess.at > before ? excess.at : old > 0 ? before : undefined
  if (upTo !== undefined) {
    sql.gap.run(anyKind, "", upTo, "dropped")
    sql.dropGap.run(anyKind, upTo)
  }
  for (const { kind, name, namespace } of sql.crowded.all(perObject)) {
    const key = [kind, namespace, name] as const
    const [dropped] = sql.excessOfObject.all(...key, ...key, perObject)
    sql.dropOfObject.run(...key, ...key, perObject)
    if (dropped === undefined) continue
    const gap = gapKey({ kind, namespace, name })
    sql.gap.run(gap, "", dropped.at, "dropped")
    sql.dropGap.run(gap, dropped.at)
  }
}

export const make = (database: DatabaseSync, writer: BatchWriter): ChangeStore["Service"] => {
  const sql = { ...statements(database), ...retaining(database) }
  const decoded = makeDecoded()

  const store = ({ change, ref, snapshot }: StoredEvent): void => {
    if (change !== undefined) sql.insert.run(change.id, ...keyOf(change.ref), change.at, encode(change))
    if (snapshot === undefined) sql.remove.run(...keyOf(ref))
    else sql.put.run(...keyOf(ref), snapshot.uid, snapshot.resourceVersion, snapshot.text)
  }

  return {
    record: (events) =>
      Effect.forEach(chunked(events), (some) => writer.write("record changes", "journal", () => some.forEach(store)), {
        discard: true
      }),
    advance: (cursors, gaps) =>
      writer.write("record watches", "journal", () => {
        for (const { kind, resourceVersion, seenAt } of cursors) sql.cursor.run(kind, resourceVersion, seenAt)
        for (const { from, kind, reason, to } of gaps) if (to !== null) sql.gap.run(kind, from ?? "", to, reason)
      }),
    list: (query) =>
      attempt("list changes", () => {
        const { kinds, limit, namespace, refs } = query
        const some = kinds === undefined ? null : JSON.stringify(kinds)
        const within = boundsOf(query)
        if (refs !== undefined)
          return decoded(
            refs
              .filter((ref) => kinds?.includes(ref.kind) !== false && (namespace ?? ref.namespace) === ref.namespace)
              .flatMap((ref) => sql.ofObject.all(...keyOf(ref), ...within))
          )
            .toSorted(newestFirst)
            .slice(0, limit)
        if (namespace !== undefined) return decoded(sql.ofNamespace.all(some, namespace, ...within))
        return decoded(some === null ? sql.latest.all(...within) : sql.ofKinds.all(some, ...within))
      }),
    find: (id) => attempt("find change", () => decoded(sql.find.all(id))[0]),
    gaps: (kinds, since) =>
      attempt("list gaps", () =>
        sql.gaps.all(since).flatMap(({ from_at, kind, reason, to_at }) =>
          subjectsOf(kind, kinds).map((subject): WatchGap => ({
            ...subject,
            from: from_at === "" ? null : from_at,
            to: to_at,
            reason: reason as WatchGap["reason"]
          }))
        )
      ),
    cursors: attempt("read cursors", () =>
      sql.cursors.all().map(({ kind, resource_version, seen_at }): WatchCursor => ({
        kind,
        resourceVersion: resource_version,
        seenAt: seen_at
      }))
    ),
    snapshots: attempt("read snapshots", () =>
      sql.snapshots.all().map(({ data, kind, name, namespace, resource_version, uid }): Snapshot => ({
        ref: { namespace, kind, name },
        uid,
        resourceVersion: resource_version,
        text: data
      }))
    ),
    prune: (retention) => writer.write("prune changes", "journal", () => prune(sql, retention))
  }
}
