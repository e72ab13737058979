/**
 * What was said last of a condition. It is said again when a sink has taken an earlier message after it.
 *
 * A sink that refuses the beginning of an emergency is sent the end all the same after some minutes, and may take the
 * beginning later. It believes what it was told last, so it would show the emergency for ever. The end then goes out
 * again after the beginning: the same notification, in a message with a key of its own, which no receiver ignores.
 *
 * It is found in the outbox itself, in the transaction that records the delivery: a crash loses nothing of it, and no
 * process has to know what another one was refused.
 */

import type { DatabaseSync } from "node:sqlite"
import { Option } from "effect"
import { conditionsOf, type Notification } from "../../domain/Notification.ts"
import { prepare } from "./Sqlite.ts"

interface Row {
  readonly id: number
  readonly sink: string
  readonly key: string
  readonly at: string
  readonly data: string
}

/** `ids`: the rows that were recorded as delivered just now, in one message. It needs the transaction of its caller. */
export type SayAgain = (ids: ReadonlyArray<number>) => void

/** Whether a condition lasts by what was said of it last to any of these sinks, if anything was. */
export type LastWord = (sinks: ReadonlyArray<string>, condition: string) => boolean | undefined

type Decode = (data: string) => Option.Option<Notification>

export const makeLastWord = (database: DatabaseSync, decode: Decode): LastWord => {
  const saying = prepare<Pick<Row, "id" | "data">, [string, string]>(
    database,
    "select id, data from outbox where sink = ? and instr(data, ?) > 0 order by id desc"
  )
  return (sinks, condition) => {
    const last = sinks
      .flatMap((sink) => saying.all(sink, JSON.stringify(condition)))
      .toSorted((left, right) => right.id - left.id)
    for (const { data } of last) {
      const { begins, ends = [] } = Option.getOrElse(decode(data), (): Pick<Notification, "begins" | "ends"> => ({}))
      if (begins?.name === condition) return true
      if (ends.some(({ name }) => name === condition)) return false
    }
    return undefined
  }
}

export const makeSayAgain = (database: DatabaseSync, decode: Decode): SayAgain => {
  const row = prepare<Row, [number]>(database, "select id, sink, key, at, data from outbox where id = ?")
  const afterwards = prepare<Row, [string, number]>(
    database,
    `select id, sink, key, at, data from outbox indexed by outbox_delivered
     where sink = ? and delivered_at is not null and id > ? order by id`
  )
  const waiting = prepare<Row, [string, number, string]>(
    database,
    `select id, sink, key, at, data from outbox
     where sink = ? and delivered_at is null and id > ? and instr(data, ?) > 0`
  )
  const insert = prepare<never, [string, string, string, string, string]>(
    database,
    "insert into outbox (sink, key, at, data, message) values (?, ?, ?, ?, ?) on conflict (sink, key) do nothing"
  )
  const namesIn = ({ data }: Row): ReadonlyArray<string> =>
    Option.match(decode(data), { onNone: () => [], onSome: conditionsOf })

  return (ids) => {
    const rows = ids.flatMap((id) => row.get(id) ?? []).toSorted((left, right) => left.id - right.id)
    const [first] = rows
    if (first === undefined) return
    const now = new Map(rows.flatMap((each) => namesIn(each).map((name) => [name, each] as const)))
    if (now.size === 0) return
    const later = afterwards.all(first.sink, first.id)
    const last = new Map(later.flatMap((each) => namesIn(each).map((name) => [name, each] as const)))
    const again = new Set<Row>()
    for (const [name, { id }] of now) {
      const word = last.get(name)
      if (word === undefined || word.id <= id) continue
      // What waits is said after it anyway.
      const next = waiting.all(first.sink, word.id, JSON.stringify(name))
      if (!next.some((each) => namesIn(each).includes(name))) again.add(word)
    }
    for (const { at, data, key, sink } of again) {
      const message = `${key}-after-${rows.at(-1)?.id}`
      insert.run(sink, message, at, data, message)
    }
  }
}
