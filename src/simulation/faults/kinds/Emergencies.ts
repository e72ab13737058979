/** What makes an emergency besides services that are out: an operator declares one, and the container is full. */

import { Schema } from "effect"
import { type FaultKind, kind } from "../FaultKind.ts"

const declared = kind({
  name: "operator-declares-emergency",
  target: "service",
  description: "An operator declares an emergency, and somebody ends it later, with whatever was found meanwhile.",
  parameters: Schema.Struct({}),
  lasts: [60_000, 900_000],
  gapMs: [3_600_000, 14_400_000],
  draw: () => ({}),
  apply: (_, { farEnds: { operators } }) => operators.declareEmergency()
})

const pressure = kind({
  name: "container-pressure",
  target: "container",
  description: "The service's container uses up its CPU, with or without tasks that wait for it, or its memory.",
  parameters: Schema.Struct({
    cpu: Schema.Finite,
    memory: Schema.Finite,
    /** Whether tasks wait for CPU. A container that uses all of its CPU and waits for none is only busy. */
    waits: Schema.Boolean
  }),
  lasts: [1_000, 600_000],
  draw: (random) => ({
    cpu: random.pick([0.2, 0.85, 0.95, 1]),
    memory: random.pick([0.4, 0.9, 0.96, 1]),
    waits: random.chance(0.7)
  }),
  apply: ({ cpu, memory, waits }, { farEnds: { container } }) =>
    container.disturb({ cpu, memory, cpuWaits: waits ? 0.6 : 0 })
})

export const emergencyFaults: ReadonlyArray<FaultKind> = [declared, pressure]
