/**
 * How the command line ends, for scripts.
 *
 * | code | meaning                                                                                                                                  |
 * | ---- | ---------------------------------------------------------------------------------------------------------------------------------------- |
 * | 0    | it went well                                                                                                                             |
 * | 1    | it was done and the answer is bad: the audit log is broken, a check of `doctor` failed, no such remediation, the state does not allow it |
 * | 2    | the command line is wrong: unknown command, missing argument                                                                             |
 * | 3    | `simulate`: an invariant was broken                                                                                                      |
 * | 4    | `simulate`: no liveness: something came to no end after everything was healed                                                            |
 * | 5    | `simulate`: the simulator, or the service in it, crashed                                                                                 |
 * | 69   | the service cannot be reached, or says that it is not available (`EX_UNAVAILABLE` of sysexits.h)                                         |
 * | 70   | a mistake of Kubernaut's own (`EX_SOFTWARE`)                                                                                             |
 * | 77   | no token, a wrong one, or one whose role does not allow it (`EX_NOPERM`)                                                                 |
 * | 78   | the configuration or the rulebook is wrong (`EX_CONFIG`)                                                                                 |
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

/** Ends the command with a sentence for people, on standard error, and a code for scripts. */
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
