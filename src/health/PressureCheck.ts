/** The health check of the container's CPU and memory. It reads once a second, so that an emergency is found in time. */

import { Effect } from "effect"
import { type Check, healthy, unhealthy } from "./Check.ts"
import { causesOf, describe, type PressureReading, withReading } from "./Pressure.ts"

/** Makes the check. `read` takes one reading; it must not block. */
export const pressureCheck = (read: Effect.Effect<PressureReading>): Check => {
  let readings: ReadonlyArray<PressureReading> = []
  return {
    name: "pressure",
    layer: "component",
    interval: "1 second",
    run: Effect.map(read, (reading) => {
      readings = withReading(readings, reading)
      const causes = causesOf(readings)
      return causes.length === 0 ? healthy(describe(readings)) : unhealthy(describe(readings), ...causes)
    })
  }
}
