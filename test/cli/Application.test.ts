import { assert, it } from "@effect/vitest"
import { Duration, Result } from "effect"
import { timesOf } from "../../src/cli/Application.ts"
import { parse } from "../../src/cli/settings/Configuration.ts"

const inText = (value: unknown): unknown =>
  Duration.isDuration(value)
    ? Duration.format(value)
    : Object.fromEntries(Object.entries(value as object).map(([name, each]) => [name, inText(each)]))

it("each setting of a time reaches the part of the service that keeps it", () => {
  const environment = {
    KUBERNAUT_CLUSTER_PATIENCE: "3 minutes",
    KUBERNAUT_REVIEW_TIMEOUT: "2 hours",
    KUBERNAUT_APPROVAL_LIFETIME: "40 minutes",
    KUBERNAUT_RESTORE_TIMEOUT: "7 minutes",
    KUBERNAUT_STEADY_FOR: "50 seconds"
  }
  assert.deepStrictEqual(inText(timesOf(Result.getOrThrow(parse({ environment, terminal: false })))), {
    actors: { patience: "3m", reviewTimeout: "2h", approvalLifetime: "40m" },
    rollback: { restoreTimeout: "7m" },
    verification: { stabilisation: "50s", alertQuiet: "1m 40s" }
  })
})
