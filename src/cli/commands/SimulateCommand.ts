/** `kubernaut simulate`: its flags. The simulator is loaded when it runs, because it is the whole service. */

import { Effect, Schema } from "effect"
import { Command, Flag } from "effect/cli"

const positive = Schema.Finite.check(Schema.isGreaterThan(0))
const count = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 }))
const seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))

const flags = {
  seeds: Flag.Int("seeds").pipe(
    Flag.withDescription("How many seeds to run"),
    Flag.withSchema(count),
    Flag.withDefault(100)
  ),
  seed: Flag.Int("seed").pipe(Flag.withDescription("The first of them"), Flag.withSchema(seed), Flag.withDefault(1)),
  hours: Flag.Finite("hours").pipe(
    Flag.withDescription("Simulated hours of each; default: the scenario's own"),
    Flag.withSchema(positive),
    Flag.optional
  ),
  months: Flag.Finite("months").pipe(
    Flag.withDescription("The same in months of 30 days, for availability; goes with --scenario month"),
    Flag.withSchema(positive),
    Flag.optional
  ),
  scenario: Flag.String("scenario").pipe(
    Flag.withDescription("What the runs are about; see --list"),
    Flag.withDefault("steady")
  ),
  inject: Flag.String("inject").pipe(
    Flag.withDescription("Only faults of these kinds of injection or of these names, with commas between; see --list"),
    Flag.optional
  ),
  workers: Flag.Int("workers").pipe(
    Flag.withDescription("Threads; default: one per core. The result does not depend on it"),
    Flag.withSchema(count),
    Flag.optional
  ),
  replay: Flag.Int("replay").pipe(
    Flag.withDescription("Run this one seed and print everything that happens in it"),
    Flag.withSchema(seed),
    Flag.optional
  ),
  plan: Flag.Path("plan", { pathType: "file" }).pipe(
    Flag.withDescription("A JSON file with the faults, in place of those drawn from the seed"),
    Flag.optional
  ),
  report: Flag.Path("report", { pathType: "either" }).pipe(
    Flag.withDescription("Write an HTML page about the first run that failed, or the first of all"),
    Flag.optional
  ),
  shrink: Flag.Boolean("shrink").pipe(
    Flag.withDescription("On failure look for the fewest faults that still fail"),
    Flag.withDefault(true)
  ),
  list: Flag.Boolean("list").pipe(
    Flag.withDescription("Name all scenarios, injections, faults and invariants, and run nothing"),
    Flag.withDefault(false)
  )
}

export type SimulateFlags = Command.Command.Config.Infer<typeof flags>

export const simulate = Command.make("simulate", flags, (input) =>
  Effect.flatMap(
    Effect.promise(() => import("./Simulate.ts")),
    ({ simulateFromFlags }) => simulateFromFlags(input)
  )
).pipe(
  Command.withDescription(
    "Run the real service in a simulated world with faults, from seeds; exit code 3 for a broken invariant, 4 for no liveness, 5 for a crash"
  ),
  Command.withExamples([
    { command: "kubernaut simulate --seeds 1000 --hours 1", description: "A thousand hours" },
    {
      command: "kubernaut simulate --replay 17 --report run.html",
      description: "One seed with all that happens in it, and a page about it"
    },
    { command: "kubernaut simulate --inject network-partition,process-crash", description: "Only these faults" }
  ])
)
