/** `kubernaut emergency-stop` and `kubernaut emergency`: orders that stand until they are taken back. */

import { Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { describe, type OrderName } from "../../domain/StandingOrder.ts"
import { connection, request } from "../Client.ts"
import { print } from "../Output.ts"

interface Texts {
  readonly description: string
  readonly set: string
  readonly lift: string
  /** After it was lifted. */
  readonly lifted: string
  readonly example: string
}

const reason = Flag.String("reason").pipe(Flag.withDescription("Reason, recorded in the audit log"), Flag.optional)

const routes = {
  "emergency-stop": { give: "stop", takeBack: "lift", shown: "emergencyStop" },
  emergency: { give: "enter", takeBack: "leave", shown: "emergency" }
} as const satisfies Readonly<Record<OrderName, unknown>>

const order = (name: OrderName, texts: Texts) => {
  const { give, shown, takeBack } = routes[name]
  const set = Command.make(
    "set",
    { ...connection, reason },
    Effect.fnUntraced(function* ({ reason, ...at }) {
      const found = yield* request(at, (client) =>
        client.emergency[give]({ payload: reason._tag === "Some" ? { reason: reason.value } : null })
      )
      yield* print(found, () => [describe(name, found.order), `Lift it with kubernaut ${name} lift.`])
    })
  ).pipe(Command.withDescription(texts.set))
  const lift = Command.make(
    "lift",
    { ...connection, reason },
    Effect.fnUntraced(function* ({ reason, ...at }) {
      const found = yield* request(at, (client) =>
        client.emergency[takeBack]({ payload: reason._tag === "Some" ? { reason: reason.value } : null })
      )
      yield* print(found, () => [
        found.lifted === undefined
          ? "It was not set."
          : `${texts.lifted} It was set by ${found.lifted.by} at ${found.lifted.since}.`
      ])
    })
  ).pipe(Command.withDescription(texts.lift))
  const show = Command.make(
    "show",
    connection,
    Effect.fnUntraced(function* (at) {
      const status = yield* request(at, (client) => client.status.status())
      const standing = status[shown]
      const unread = status.reasons.find((reason) => reason.includes("could not be read"))
      yield* print({ set: standing !== undefined, ...(standing === undefined ? {} : { order: standing }) }, () => [
        standing === undefined ? (unread ?? "It is not set.") : describe(name, standing)
      ])
    })
  ).pipe(Command.withDescription("Show whether it is set, by whom and since when"))
  return Command.make(name).pipe(
    Command.withDescription(texts.description),
    Command.withSubcommands([set, lift, show]),
    Command.withExamples([{ command: `kubernaut ${name} set --reason "${texts.example}"`, description: texts.set }])
  )
}

export const emergencyStop = order("emergency-stop", {
  description: "Stop all new actions at once, and let them start again",
  set: "Start no new action from now on, until the stop is lifted; restarts do not lift it",
  lift: "Let actions start again",
  lifted: "The emergency stop is lifted: actions start again.",
  example: "it scales the wrong thing"
})

export const emergency = order("emergency", {
  description: "Declare an emergency (level 3), and end it",
  set: "Store and escalate alerts from now on, and do nothing else, until the emergency is lifted",
  lift: "End the emergency that was declared",
  lifted: "The emergency is over.",
  example: "credentials have leaked"
})
