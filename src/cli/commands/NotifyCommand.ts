/** `kubernaut notify`: notifications, without the service. The implementation is loaded when it runs. */

import { Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"

const sink = Flag.String("sink").pipe(Flag.withDescription("The name of one sink. Default: all"), Flag.optional)

const test = Command.make("test", { sink }, ({ sink }) =>
  Effect.flatMap(
    Effect.promise(() => import("./NotifyJob.ts")),
    ({ notifyTest }) => notifyTest(Option.getOrUndefined(sink))
  )
).pipe(
  Command.withDescription(
    "Send a test to the sinks of KUBERNAUT_NOTIFICATION_SINKS. Exits with 1 if a sink does not take it"
  )
)

export const notify = Command.make("notify").pipe(
  Command.withDescription("Try the notifications"),
  Command.withSubcommands([test]),
  Command.withExamples([{ command: "kubernaut notify test --sink ops", description: "Send a test to one sink" }])
)
