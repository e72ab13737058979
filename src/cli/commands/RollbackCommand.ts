/** `kubernaut rollback ID`: undoes the action of a remediation. */

import { Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { isFinal, RemediationId } from "../../domain/Remediation.ts"
import { displayName } from "../../domain/Target.ts"
import type { RemediationDetail } from "../../http/Responses.ts"
import { connection, type Connection, request } from "../Client.ts"
import { print, say } from "../Output.ts"

/** The rollback of a remediation for people: why, each attempt, and how it ended. */
export const rollbackText = ({ rollback }: RemediationDetail): ReadonlyArray<string> =>
  rollback === undefined
    ? []
    : [
        `Rollback: ${rollback.outcome ?? "in progress"} (${rollback.trigger}${rollback.by === undefined ? "" : ` by ${rollback.by}`}${rollback.reason === undefined ? "" : `: ${rollback.reason}`})`,
        ...(rollback.stopped === undefined ? [] : [`  - ${rollback.stopped.code}: ${rollback.stopped.message}`]),
        ...rollback.attempts
          .slice(rollback.earlierAttempts)
          .map(
            ({ intent, outcome, verification }) =>
              `  - attempt ${intent.attempt}: ${outcome === undefined ? "in progress" : `applied: ${outcome.applied}`}${verification === undefined ? "" : `, restored: ${verification.restored}, ${[...verification.reasons, ...(verification.pods === undefined ? [] : [verification.pods.reason])].join("; ")}`}`
          )
      ]

const waitForEnd = Effect.fnUntraced(function* (at: Connection, id: RemediationId) {
  while (true) {
    const found = yield* request(at, (client) => client.remediations.get({ params: { id } }))
    if (isFinal(found.state)) return found
    yield* Effect.sleep("250 millis")
  }
})

export const rollback = Command.make(
  "rollback",
  {
    ...connection,
    id: Argument.String("id").pipe(Argument.withDescription("Remediation id"), Argument.withSchema(RemediationId)),
    reason: Flag.String("reason").pipe(Flag.withDescription("Reason, recorded in the audit log"), Flag.optional),
    wait: Flag.Boolean("wait").pipe(Flag.withDescription("Wait until the rollback has ended"), Flag.withDefault(false))
  },
  Effect.fnUntraced(function* ({ id, reason, wait, ...at }) {
    const asked = yield* request(at, (client) =>
      client.remediations.rollback({
        params: { id },
        payload: reason._tag === "Some" ? { reason: reason.value } : null
      })
    )
    if (!wait) return yield* print(asked, () => [`${asked.id} is ${asked.state}.`])
    yield* say(`Waiting for ${id} …`)
    const ended = yield* waitForEnd(at, id)
    yield* print(ended, () => [
      `${ended.id} is ${ended.state} on ${displayName(ended.target)}.`,
      ...rollbackText(ended),
      ...(ended.conclusion === undefined ? [] : [ended.conclusion])
    ])
  })
).pipe(Command.withDescription("Undo the action of a remediation, if nobody has changed its fields since"))
