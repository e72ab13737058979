/** The command line: all commands and their exit codes. */

import { Cause, Console, Effect, Exit, Option, Schema } from "effect"
import { CliError, Command } from "effect/cli"
import { archive } from "./commands/ArchiveCommand.ts"
import { changes } from "./commands/ChangesCommand.ts"
import { config, rulebook } from "./commands/ConfigCommands.ts"
import { notify } from "./commands/NotifyCommand.ts"
import { alert, approve, audit, reject, remediations, reviews, status } from "./commands/OperateCommands.ts"
import { emergency, emergencyStop } from "./commands/OrderCommands.ts"
import { rollback } from "./commands/RollbackCommand.ts"
import { doctor, serve } from "./commands/ServiceCommands.ts"
import { simulate } from "./commands/SimulateCommand.ts"
import { spend } from "./commands/SpendCommand.ts"
import { CommandFailed, exitCodes } from "./ExitCode.ts"
import { Json } from "./Output.ts"
import { ConfigurationError } from "./settings/Configuration.ts"
import { version } from "./Version.ts"

const kubernaut = Command.make("kubernaut").pipe(
  Command.withDescription("Remediate Kubernetes alerts, and keep working while dependencies fail"),
  Command.withSubcommands([
    serve,
    status,
    alert,
    remediations,
    reviews,
    approve,
    reject,
    rollback,
    emergencyStop,
    emergency,
    changes,
    spend,
    audit,
    archive,
    notify,
    doctor,
    simulate,
    config,
    rulebook
  ]),
  Command.withGlobalFlags([Json]),
  Command.withExamples([
    { command: "kubernaut serve", description: "Start the service on the sandbox cluster, at http://127.0.0.1:8080" },
    {
      command: "kubernaut alert post examples/alerts/crash-loop.json --wait",
      description: "Post an alert and wait for its remediation"
    },
    {
      command: "kubernaut simulate --seeds 100 --hours 1",
      description: "Simulate one hundred hours of faults"
    },
    { command: "kubernaut status --json", description: "Show the status of the service as JSON" }
  ])
)

const isCommandFailed = Schema.is(CommandFailed)
const isConfigurationError = Schema.is(ConfigurationError)

/** The exit code of a command. */
export const exitCodeOf = (exit: Exit.Exit<unknown, unknown>): number => {
  if (Exit.isSuccess(exit)) return exitCodes.ok
  // Stopped gracefully by a signal.
  if (Cause.hasInterruptsOnly(exit.cause)) return exitCodes.ok
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  if (isCommandFailed(error)) return exitCodes[error.code]
  if (isConfigurationError(error)) return exitCodes.configuration
  return CliError.isCliError(error) ? exitCodes.usage : exitCodes.software
}

const report = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.void
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  // Usage errors were already printed with the help.
  if (CliError.isCliError(error)) return Effect.void
  // The command printed its own error.
  if (isCommandFailed(error) && error.text === "") return Effect.void
  return isCommandFailed(error) || isConfigurationError(error)
    ? Console.error(error.message)
    : Console.error(`Internal error. Please report it with this output:\n${Cause.pretty(cause)}`)
}

/** Runs a command line. */
export const run = (args: ReadonlyArray<string>) =>
  Command.runWith(kubernaut, { version })(args).pipe(Effect.tapCause(report))
