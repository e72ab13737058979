/**
 * The newest rows of a query over the action history, kept in memory. Every decision asks for the newest few hundred
 * rows, of which few have changed since the decision before.
 *
 * A row that this process has written is read again by its id. All rows are read again when another process has written
 * to the database, when rows were deleted, and when the question reaches further back than what is kept. So the result
 * is always that of the query, and at most twice its largest limit is kept.
 */

import type { DatabaseSync } from "node:sqlite"
import { prepare } from "./Sqlite.ts"

/** What places a row in the order: newest first, and of the same time the last inserted first. */
export interface Placed {
  readonly rowid: number
  readonly execution_id: string
  readonly placed_at: string
}

/** From when an action counts (`domain/PastAction`). The index `action_history_counted` has this expression. */
export const countsFrom = "coalesce(executed_at, at)"

type Place = Pick<Placed, "placed_at" | "rowid">

/** Is told what this process writes to the action history. A write that is rolled back later may be told too. */
export interface ActionChanges {
  /** The action was added. It has not ended. */
  readonly added: (executionId: string) => void
  /** The outcome of its execution was recorded. */
  readonly executed: (executionId: string) => void
  /** Its verdict was recorded or changed. What a budget counts stays. */
  readonly judged: (executionId: string) => void
  /** Actions were deleted. */
  readonly deleted: () => void
}

export interface NewestRows<A> extends Pick<ActionChanges, "deleted"> {
  /** The action was added or changed. */
  readonly changed: (executionId: string) => void
  /** The rows of the cluster since `since`, at most `limit` of them, newest first. */
  readonly since: (cluster: string, since: string, limit: number) => ReadonlyArray<A>
}

export interface NewestRowsOptions<Row extends Placed, A> {
  readonly columns: string
  /** The column or the expression with the time of a row. */
  readonly at: typeof countsFrom | "ended_at"
  /** A condition that all rows of the query meet. */
  readonly where: string
  readonly decode: (row: Row) => A
}

interface Kept<A> {
  readonly row: Placed
  readonly value: A
}

/** The rows of a cluster at and before the place `last` in the order are kept, all of them. */
interface Known<A> {
  readonly cluster: string
  /** At most twice as many rows are kept. */
  readonly limit: number
  readonly rows: Array<Kept<A>>
  readonly byId: Map<string, Kept<A>>
  last: Place
}

/** Whether the first comes before the second in the order, or is the same. */
const isAtOrBefore = (one: Place, other: Place): boolean =>
  one.placed_at === other.placed_at ? one.rowid >= other.rowid : one.placed_at > other.placed_at

const remove = <A>({ byId, rows }: Known<A>, id: string): void => {
  const kept = byId.get(id)
  if (kept === undefined) return
  byId.delete(id)
  rows.splice(rows.indexOf(kept), 1)
}

const add = <A>({ byId, last, rows }: Known<A>, kept: Kept<A>): void => {
  if (!isAtOrBefore(kept.row, last)) return
  const index = rows.findIndex(({ row }) => !isAtOrBefore(row, kept.row))
  rows.splice(index === -1 ? rows.length : index, 0, kept)
  byId.set(kept.row.execution_id, kept)
}

const trim = <A>(known: Known<A>): void => {
  const { byId, limit, rows } = known
  if (rows.length <= 2 * limit) return
  for (const { row } of rows.splice(limit)) byId.delete(row.execution_id)
  known.last = rows[limit - 1]!.row
}

/** How many of the rows, which are newest first, are not older. */
const countSince = (rows: ReadonlyArray<Kept<unknown>>, since: string): number => {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (rows[middle]!.row.placed_at >= since) low = middle + 1
    else high = middle
  }
  return low
}

/** The result, if what is known suffices for it. */
const answer = <A>(
  { last, rows }: Known<A>,
  { limit, since }: { readonly limit: number; readonly since: string }
): ReadonlyArray<A> | undefined => {
  const count = Math.min(countSince(rows, since), limit)
  return count === limit || isAtOrBefore({ placed_at: since, rowid: 0 }, last)
    ? rows.slice(0, count).map(({ value }) => value)
    : undefined
}

export const make = <Row extends Placed, A>(
  database: DatabaseSync,
  { at, columns, decode, where }: NewestRowsOptions<Row, A>
): NewestRows<A> => {
  const selected = `select rowid, execution_id, ${at} as placed_at, ${columns} from action_history where`
  const query = prepare<Row, [string, string, number]>(
    database,
    `${selected} cluster = ? and ${at} >= ? and ${where} order by ${at} desc, rowid desc limit ?`
  )
  const one = prepare<Row, [string, string]>(database, `${selected} execution_id = ? and cluster = ? and ${where}`)
  const version = prepare<{ readonly data_version: number }>(database, "pragma data_version")
  const keep = (row: Row): Kept<A> => ({ row, value: decode(row) })
  /** The actions that are to be read again. */
  const stale = new Set<string>()
  let known: Known<A> | undefined
  let knownVersion: number | undefined

  const forget = (): void => {
    known = undefined
    stale.clear()
  }

  const refresh = (current: Known<A>): void => {
    for (const id of stale) {
      const row = one.get(id, current.cluster)
      remove(current, id)
      if (row !== undefined) add(current, keep(row))
      stale.delete(id)
    }
    trim(current)
  }

  const read = (cluster: string, since: string, limit: number): ReadonlyArray<A> => {
    const rows = query.all(cluster, since, limit).map(keep)
    const last = rows.length < limit ? { placed_at: since, rowid: 0 } : rows.at(-1)?.row
    forget()
    if (last !== undefined)
      known = { cluster, limit, rows, byId: new Map(rows.map((kept) => [kept.row.execution_id, kept])), last }
    return rows.map(({ value }) => value)
  }

  return {
    changed: (executionId) => {
      if (known === undefined) return
      stale.add(executionId)
      // Nobody has asked for long.
      if (stale.size > known.limit) forget()
    },
    deleted: forget,
    since: (cluster, since, limit) => {
      // The version changes when another connection commits, never for our own commits.
      const found = version.get()?.data_version
      if (found !== knownVersion || known?.cluster !== cluster) forget()
      knownVersion = found
      if (known !== undefined) refresh(known)
      const result = (known && answer(known, { limit, since })) ?? read(cluster, since, limit)
      // What is read within a transaction may be rolled back. Only a failed rollback leaves one open.
      if (database.isTransaction) forget()
      return result
    }
  }
}
