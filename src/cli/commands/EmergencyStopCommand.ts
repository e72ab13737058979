/** `kubernaut emergency-stop`: sets and lifts the emergency stop, and shows it. */

import { Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { describe } from "../../domain/EmergencyStop.ts"
import { connection, request } from "../Client.ts"
import { print } from "../Output.ts"

const reason = Flag.String("reason").pipe(Flag.withDescription("Reason, recorded in the audit log"), Flag.optional)

const set = Command.make(
  "set",
  { ...connection, reason },
  Effect.fnUntraced(function* ({ reason, ...at }) {
    const found = yield* request(at, (client) =>
      client.emergency.stop({ payload: reason._tag === "Some" ? { reason: reason.value } : null })
    )
    yield* print(found, () => [describe(found.stop), "Lift it with kubernaut emergency-stop lift."])
  })
).pipe(Command.withDescription("Start no new action from now on, until the stop is lifted; restarts do not lift it"))

const lift = Command.make(
  "lift",
  { ...connection, reason },
  Effect.fnUntraced(function* ({ reason, ...at }) {
    const found = yield* request(at, (client) =>
      client.emergency.lift({ payload: reason._tag === "Some" ? { reason: reason.value } : null })
    )
    yield* print(found, () => [
      found.lifted === undefined
        ? "The emergency stop was not set."
        : `The emergency stop is lifted: actions start again. It was set by ${found.lifted.by} at ${found.lifted.since}.`
    ])
  })
).pipe(Command.withDescription("Let actions start again"))

const show = Command.make(
  "show",
  connection,
  Effect.fnUntraced(function* (at) {
    const { emergencyStop, reasons } = yield* request(at, (client) => client.status.status())
    const unread = reasons.find((reason) => reason.includes("emergency stop"))
    yield* print(
      { set: emergencyStop !== undefined, ...(emergencyStop === undefined ? {} : { stop: emergencyStop }) },
      () => [emergencyStop === undefined ? (unread ?? "The emergency stop is not set.") : describe(emergencyStop)]
    )
  })
).pipe(Command.withDescription("Show whether the emergency stop is set, by whom and since when"))

export const emergencyStop = Command.make("emergency-stop").pipe(
  Command.withDescription("Stop all new actions at once, and let them start again"),
  Command.withSubcommands([set, lift, show]),
  Command.withExamples([
    {
      command: 'kubernaut emergency-stop set --reason "it scales the wrong thing"',
      description: "Stop all new actions"
    }
  ])
)
