/**
 * Sends one alert to the embedded service and prints how it ended.
 *
 *     node examples/embedded/main.ts
 */

import { Console, Effect } from "effect"
import { remediate, runbook, service } from "./Service.ts"

const program = Effect.flatMap(remediate, ({ alert, conclusion, state }) =>
  Console.log(`${alert.name}: ${state}. ${conclusion ?? ""}`)
)

await Effect.runPromise(Effect.provide(program, service(runbook)))
