/** `kubernaut changes`: what changed in the cluster, and when nobody watched. */

import { Effect, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { ChangeId } from "../../domain/ObjectChange.ts"
import type { ChangeList } from "../../http/Responses.ts"
import { TimeText } from "../../http/TimeQuery.ts"
import { connection, type Connection, request } from "../Client.ts"
import { print } from "../Output.ts"
import { changesText } from "./ChangesText.ts"

/** The most changes of one response. */
const pageSize = 200

const text = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withDescription(description), Flag.optional)

const given = (name: string, value: Option.Option<string>): Readonly<Record<string, string>> =>
  Option.match(value, { onNone: () => ({}), onSome: (text) => ({ [name]: text }) })

/** As many pages as it takes. The gaps are those of the interval, so the first page has all of them. */
const read = Effect.fnUntraced(function* (
  at: Connection,
  query: Readonly<Record<string, string>>,
  from: Option.Option<string>,
  limit: number
) {
  let cursor = Option.getOrUndefined(from)
  let found: ChangeList | undefined
  do {
    const left = limit - (found?.changes.length ?? 0)
    const page: ChangeList = yield* request(at, (client) =>
      client.changes.list({
        query: { ...query, limit: Math.min(pageSize, left), ...(cursor === undefined ? {} : { cursor }) }
      })
    )
    const { changes = [], ...first } = found ?? page
    const { nextCursor: _next, ...rest } = first
    found = {
      ...rest,
      changes: found === undefined ? page.changes : [...changes, ...page.changes],
      ...(page.nextCursor === undefined ? {} : { nextCursor: page.nextCursor })
    }
    cursor = page.nextCursor
  } while (cursor !== undefined && found.changes.length < limit)
  return found
})

export const changes = Command.make(
  "changes",
  {
    ...connection,
    since: Flag.String("since").pipe(
      Flag.withDescription("From how long ago, such as 30m, 1h or 2d, or from a time such as 2026-11-24T03:00:00Z"),
      Flag.withSchema(TimeText),
      Flag.withDefault("1h")
    ),
    until: Flag.String("until").pipe(
      Flag.withDescription("Until how long ago, or until a time. Default: now"),
      Flag.withSchema(TimeText),
      Flag.optional
    ),
    target: text(
      "target",
      "Only this object and what it depends on: namespace/Kind/name, such as shop/Deployment/checkout, or Node/worker-1"
    ),
    kind: text("kind", "Only objects of these kinds, separated by commas"),
    namespace: text("namespace", "Only objects in this namespace"),
    diff: Flag.Boolean("diff").pipe(
      Flag.withDescription("Show every field before and after, and objects that were created or deleted"),
      Flag.withDefault(false)
    ),
    limit: Flag.Int("limit").pipe(
      Flag.withDescription("Maximum number of changes, 1 to 5000"),
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5000 }))),
      Flag.withDefault(50)
    ),
    cursor: Flag.String("cursor").pipe(
      Flag.withDescription("The nextCursor of the previous list"),
      Flag.withSchema(ChangeId),
      Flag.optional
    )
  },
  Effect.fnUntraced(function* ({ cursor, diff, kind, limit, namespace, since, target, until, ...at }) {
    const query = {
      since,
      ...given("until", until),
      ...given("target", target),
      ...given("kind", kind),
      ...given("namespace", namespace)
    }
    const found = yield* read(at, query, cursor, limit)
    yield* print(found, () => changesText(found, { diff }))
  })
).pipe(
  Command.withDescription("Show what changed in the cluster, who changed it, and when nobody watched"),
  Command.withExamples([
    { command: "kubernaut changes --since 1h", description: "Show the changes of the last hour" },
    {
      command: "kubernaut changes --since 2h --target shop/Deployment/checkout --diff",
      description: "Show every field that changed of a workload and of everything that it depends on"
    }
  ])
)
