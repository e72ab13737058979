/**
 * The exit codes of the command line.
 *
 * | code | meaning                                                                                                                                |
 * | ---- | -------------------------------------------------------------------------------------------------------------------------------------- |
 * | 0    | success                                                                                                                                |
 * | 1    | the request was processed, but the result is negative: a broken audit log, a failed check, an unknown remediation, a conflicting state |
 * | 2    | usage error: an unknown command or a missing argument                                                                                  |
 * | 3    | `simulate`: an invariant was violated                                                                                                  |
 * | 4    | `simulate`: no liveness: work was still pending after all faults had ended                                                             |
 * | 5    | `simulate`: the simulator, or the service in it, crashed                                                                               |
 * | 69   | the service is not reachable or reports that it is unavailable (`EX_UNAVAILABLE` in sysexits.h)                                        |
 * | 70   | an internal error (`EX_SOFTWARE`)                                                                                                      |
 * | 77   | a missing or unknown token, or a role without permission (`EX_NOPERM`)                                                                 |
 * | 78   | an invalid configuration or rulebook (`EX_CONFIG`)                                                                                     |
 */

import { Runtime, Schema } from "effect"

export const exitCodes = {
  ok: 0,
  bad: 1,
  usage: 2,
  invariant: 3,
  liveness: 4,
  crash: 5,
  unavailable: 69,
  software: 70,
  permission: 77,
  configuration: 78
} as const

/** Ends the command with a message on standard error and an exit code. */
export class CommandFailed extends Schema.TaggedError<CommandFailed>()("CommandFailed", {
  code: Schema.Literals([
    "bad",
    "usage",
    "invariant",
    "liveness",
    "crash",
    "unavailable",
    "software",
    "permission",
    "configuration"
  ]),
  text: Schema.String
}) {
  override get message(): string {
    return this.text
  }
  override get [Runtime.errorExitCode](): number {
    return exitCodes[this.code]
  }
}
