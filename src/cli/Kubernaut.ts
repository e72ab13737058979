/** The command line as a whole. */

import { Cause, Console, Effect, Exit, Option, type Runtime, Schema } from "effect"
import { CliError, Command } from "effect/cli"
import { config, rulebook } from "./commands/ConfigCommands.ts"
import { alert, approve, audit, reject, remediations, reviews, status } from "./commands/OperateCommands.ts"
import { doctor, serve } from "./commands/ServiceCommands.ts"
import { simulate } from "./commands/SimulateCommand.ts"
import { CommandFailed, exitCodes } from "./ExitCode.ts"
import { Json } from "./Output.ts"
import { ConfigurationError } from "./settings/Configuration.ts"
import { version } from "./Version.ts"

const kubernaut = Command.make("kubernaut").pipe(
  Command.withDescription("Kubernetes remediation that keeps going while the things it depends on fail"),
  Command.withSubcommands([
    serve,
    status,
    alert,
    remediations,
    reviews,
    approve,
    reject,
    audit,
    doctor,
    simulate,
    config,
    rulebook
  ]),
  Command.withGlobalFlags([Json]),
  Command.withExamples([
    { command: "kubernaut serve", description: "Start on the sandbox cluster, on http://127.0.0.1:8080" },
    {
      command: "kubernaut alert post examples/alerts/crash-loop.json --wait",
      description: "Post an alert and follow it"
    },
    {
      command: "kubernaut simulate --seeds 100 --hours 1",
      description: "Put the service through a hundred hours of faults"
    },
    { command: "kubernaut status --json", description: "Ask how the service is, for scripts" }
  ])
)

const isCommandFailed = Schema.is(CommandFailed)
const isConfigurationError = Schema.is(ConfigurationError)

/** The exit code of how a command ended. */
export const exitCodeOf = (exit: Exit.Exit<unknown, unknown>): number => {
  if (Exit.isSuccess(exit)) return exitCodes.ok
  // Stopped by a signal, in order.
  if (Cause.hasInterruptsOnly(exit.cause)) return exitCodes.ok
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  if (isCommandFailed(error)) return exitCodes[error.code]
  if (isConfigurationError(error)) return exitCodes.configuration
  return CliError.isCliError(error) ? exitCodes.usage : exitCodes.software
}

export const teardown: Runtime.Teardown = (exit, onExit) => onExit(exitCodeOf(exit))

const tell = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.void
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  // What is wrong with a command line has been printed with its help.
  if (CliError.isCliError(error)) return Effect.void
  // It has told by itself, in an order of its own.
  if (isCommandFailed(error) && error.text === "") return Effect.void
  return isCommandFailed(error) || isConfigurationError(error)
    ? Console.error(error.message)
    : Console.error(`Kubernaut made a mistake. Please report it with this:\n${Cause.pretty(cause)}`)
}

/** Runs a command line. */
export const run = (args: ReadonlyArray<string>) =>
  Command.runWith(kubernaut, { version })(args).pipe(Effect.tapCause(tell))
