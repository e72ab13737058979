/**
 * An operator restarts the service in another mode during its work, and later in its own mode again.
 */

import { Schema } from "effect"
import { kind } from "../FaultKind.ts"

export const operatorMode = kind({
  name: "operator-mode",
  target: "service",
  description: "The service is restarted in another mode, which finds the intents of the previous one.",
  parameters: Schema.Struct({ mode: Schema.Literals(["observe", "approve"]) }),
  lasts: [30_000, 600_000],
  gapMs: [600_000, 7_200_000],
  draw: (random) => ({ mode: random.pick(["observe", "approve"] as const) }),
  apply: ({ mode }, { service }) => {
    service.restartIn(mode)
    return () => service.restartIn()
  }
})
