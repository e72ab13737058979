/** `kubernaut spend`: what calls to models have cost. */

import { Effect, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { RemediationId } from "../../domain/Remediation.ts"
import { TimeText } from "../../http/TimeQuery.ts"
import { connection, request } from "../Client.ts"
import { print } from "../Output.ts"
import { spendText } from "./SpendText.ts"

export const spend = Command.make(
  "spend",
  {
    ...connection,
    since: Flag.String("since").pipe(
      Flag.withDescription("From how long ago, such as 1h or 2d, or from a time such as 2026-11-24T03:00:00Z"),
      Flag.withSchema(TimeText),
      Flag.withDefault("24h")
    ),
    remediation: Flag.String("remediation").pipe(
      Flag.withDescription("Show only the calls of this remediation"),
      Flag.withSchema(RemediationId),
      Flag.optional
    ),
    limit: Flag.Int("limit").pipe(
      Flag.withDescription("Maximum number of calls, 1 to 1000"),
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 }))),
      Flag.withDefault(20)
    )
  },
  Effect.fnUntraced(function* ({ limit, remediation, since, ...at }) {
    const found = yield* request(at, (client) =>
      client.spend.read({
        query: { since, limit, ...(remediation._tag === "Some" ? { remediation: remediation.value } : {}) }
      })
    )
    yield* print(found, () => spendText(found))
  })
).pipe(
  Command.withDescription("Show what calls to models have cost, and how the budgets stand"),
  Command.withExamples([
    { command: "kubernaut spend --since 7d", description: "Show the last week by day, by hour and by tier" }
  ])
)
