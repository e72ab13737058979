#!/usr/bin/env node
/** The entry point of the process. `cli/ExitCode` documents the exit codes. */

import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Effect } from "effect"
import { run, teardown } from "./cli/Kubernaut.ts"

// The first signal stops the service gracefully, the second one at once.
let signals = 0
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143]
] as const) {
  process.on(signal, () => {
    signals += 1
    if (signals > 1) process.exit(code)
  })
}

run(process.argv.slice(2)).pipe(
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({ disableErrorReporting: true, teardown })
)
