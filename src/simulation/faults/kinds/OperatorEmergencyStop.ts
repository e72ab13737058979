/** An operator sets the emergency stop, and lifts it later. */

import { Schema } from "effect"
import { kind } from "../FaultKind.ts"

export const operatorEmergencyStop = kind({
  name: "operator-emergency-stop",
  target: "service",
  description: "An operator sets the emergency stop, and somebody lifts it later.",
  parameters: Schema.Struct({}),
  lasts: [120_000, 1_200_000],
  gapMs: [1_800_000, 14_400_000],
  draw: () => ({}),
  apply: (_, { farEnds: { operators } }) => operators.stopActions()
})
