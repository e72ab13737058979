#!/usr/bin/env node
/** The entry point of the process. `cli/ExitCode` documents the exit codes. */

import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Effect } from "effect"
import { run } from "./cli/Kubernaut.ts"
import * as Leaving from "./cli/Leaving.ts"

Leaving.listen()

run(process.argv.slice(2)).pipe(
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({ disableErrorReporting: true, teardown: Leaving.teardown })
)
