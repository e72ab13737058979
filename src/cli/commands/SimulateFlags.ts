/** The flags of `kubernaut simulate`. */

import { Schema } from "effect"
import { type Command, Flag } from "effect/cli"

const positive = Schema.Finite.check(Schema.isGreaterThan(0))
const count = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 }))
const seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))

export const flags = {
  seeds: Flag.Int("seeds").pipe(
    Flag.withDescription("Number of seeds to run"),
    Flag.withSchema(count),
    Flag.withDefault(100)
  ),
  seed: Flag.Int("seed").pipe(Flag.withDescription("First seed"), Flag.withSchema(seed), Flag.withDefault(1)),
  hours: Flag.Finite("hours").pipe(
    Flag.withDescription("Simulated hours per seed. Default: the duration of the scenario"),
    Flag.withSchema(positive),
    Flag.optional
  ),
  months: Flag.Finite("months").pipe(
    Flag.withDescription(
      "Simulated months of 30 days per seed, in place of --hours. Use with --scenario month to measure availability"
    ),
    Flag.withSchema(positive),
    Flag.optional
  ),
  scenario: Flag.String("scenario").pipe(
    Flag.withDescription("Scenario to run; see --list"),
    Flag.withDefault("steady")
  ),
  inject: Flag.String("inject").pipe(
    Flag.withDescription(
      "Inject only these faults: a comma-separated list of injections, patterns or fault names; see --list"
    ),
    Flag.optional
  ),
  workers: Flag.Int("workers").pipe(
    Flag.withDescription("Number of threads. Default: one per core. Does not affect the results"),
    Flag.withSchema(count),
    Flag.optional
  ),
  replay: Flag.Int("replay").pipe(
    Flag.withDescription("Run one seed and print every event"),
    Flag.withSchema(seed),
    Flag.optional
  ),
  plan: Flag.Path("plan", { pathType: "file" }).pipe(
    Flag.withDescription("JSON file with a fault plan, in place of the faults drawn from the seed"),
    Flag.optional
  ),
  report: Flag.Path("report", { pathType: "either" }).pipe(
    Flag.withDescription("Write an HTML report about the first failed run, or the first run if none failed"),
    Flag.optional
  ),
  shrink: Flag.Boolean("shrink").pipe(
    Flag.withDescription("After a failure, search for the smallest fault plan that still fails"),
    Flag.withDefault(true)
  ),
  list: Flag.Boolean("list").pipe(
    Flag.withDescription("List all scenarios, injections, faults and invariants, and exit"),
    Flag.withDefault(false)
  )
}

export type SimulateFlags = Command.Command.Config.Infer<typeof flags>
