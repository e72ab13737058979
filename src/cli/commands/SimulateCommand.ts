/** `kubernaut simulate`. The simulator is imported only when it runs, because it contains the whole service. */

import { Effect } from "effect"
import { Command } from "effect/cli"
import { flags } from "./SimulateFlags.ts"

export const simulate = Command.make("simulate", flags, (input) =>
  Effect.flatMap(
    Effect.promise(() => import("./Simulate.ts")),
    ({ simulateFromFlags }) => simulateFromFlags(input)
  )
).pipe(
  Command.withDescription(
    "Run the real service in a deterministic simulation with faults. Exits with 3 for a violated invariant, 4 for no liveness, 5 for a crash"
  ),
  Command.withExamples([
    { command: "kubernaut simulate --seeds 1000 --hours 1", description: "Simulate one thousand hours" },
    {
      command: "kubernaut simulate --replay 17 --report run.html",
      description: "Print every event of one seed and write a report"
    },
    { command: "kubernaut simulate --inject network-partition,process-crash", description: "Inject only these faults" }
  ])
)
