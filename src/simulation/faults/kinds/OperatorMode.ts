/**
 * An operator stops the service and starts it in another mode in the middle of its work, and in its own again later.
 */

import { Schema } from "effect"
import { kind } from "../FaultKind.ts"

export const operatorMode = kind({
  name: "operator-mode",
  target: "service",
  description:
    "The service is stopped and started in another mode, so that what was intended in the one is found in the other.",
  parameters: Schema.Struct({ mode: Schema.Literals(["observe", "approve"]) }),
  lasts: [30_000, 600_000],
  gapMs: [600_000, 7_200_000],
  draw: (random) => ({ mode: random.pick(["observe", "approve"] as const) }),
  apply: ({ mode }, { service }) => {
    service.restartIn(mode)
    return () => service.restartIn()
  }
})
