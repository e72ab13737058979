/** However hostile the names are that arrive, the number of series stays bounded. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Remediation } from "../../src/domain/Remediation.ts"
import { Instruments } from "../../src/telemetry/Instruments.ts"
import { call, running } from "../http/runningService.ts"
import { alertOf, webhookOf } from "../intake/webhooks.ts"
import { seriesOf } from "./exposition.ts"

/** Names as an attacker or a mistake makes them. */
const hostile = (index: number): string => `x${index}"}\n# HELP evil{a="\u0000${"é".repeat(index % 7)}\\`

const feed = (instruments: Instruments, count: number): void => {
  for (let index = 0; index < count; index++) {
    const name = hostile(index)
    instruments.onResilience({ _tag: "CallSucceeded", pipeline: name, attempts: 1, durationMs: index })
    instruments.onResilience({ _tag: "CallFailed", pipeline: name, attempts: 1, durationMs: index, reason: "error" })
    instruments.onResilience({ _tag: "AttemptRetried", pipeline: name, attempt: 2, delayMs: 1 })
    instruments.onResilience({
      _tag: "BreakerTransition",
      breaker: name,
      from: "Closed",
      to: "Open",
      cause: "elapsed",
      generation: 1
    })
    instruments.onResilience({
      _tag: "ChildRestarted",
      supervisor: name,
      child: name,
      restarts: 1,
      delayMs: 1,
      reason: "died"
    })
    instruments.onRecovered({ service: name, durationMs: 1 })
    instruments.onRemediation({
      event: "Investigated",
      remediation: {
        hops: [{ investigator: "llm", provider: name, outcome: "answered", attempts: 1, durationMs: 1 }]
      } as unknown as Remediation
    })
  }
}

const countAfter = async (count: number): Promise<number> => {
  const instruments = new Instruments({
    services: [{ name: "holmesgpt" }],
    nowMs: () => 0,
    spansDropped: () => 0,
    processMetrics: false
  })
  feed(instruments, count)
  return seriesOf(await instruments.expose()).size
}

describe("the number of series", () => {
  it("does not grow with the names of providers, pipelines, breakers and children", async () => {
    assert.strictEqual(await countAfter(5000), await countAfter(100))
  })

  it("stays below 5,000 with as many hostile names as anybody likes", async () => {
    assert.isBelow(await countAfter(2000), 5000)
  })

  it("counts what it does not name under `other`", async () => {
    const instruments = new Instruments({ services: [], nowMs: () => 0, spansDropped: () => 0, processMetrics: false })
    feed(instruments, 80)
    const series = seriesOf(await instruments.expose())
    assert.strictEqual(series.get('kubernaut_requests_total{service="other",outcome="success"}'), 30)
  })

  it.live("does not grow with the labels, names and severities of alerts", () =>
    Effect.gen(function* () {
      const port = yield* running()
      const metrics = Effect.map(call(port, "/metrics"), ({ text }) => [...seriesOf(text).keys()].sort())
      const post = (from: number, count: number) =>
        call(port, "/api/v1/alerts", {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(
            webhookOf(
              Array.from({ length: count }, (_, index) =>
                alertOf(
                  {
                    alertname: hostile(from + index),
                    severity: hostile(from + index),
                    namespace: hostile(from + index),
                    deployment: hostile(from + index)
                  },
                  { fingerprint: `f${from + index}` }
                )
              )
            )
          )
        })
      assert.strictEqual((yield* post(0, 5)).status, 202)
      const before = (yield* metrics).filter((name) => name.startsWith("kubernaut_"))
      assert.strictEqual((yield* post(5, 300)).status, 202)
      const after = (yield* metrics).filter((name) => name.startsWith("kubernaut_"))
      assert.notInclude(after.join("\n"), "evil")
      // Work on the first alerts may go on between the two scrapes, and adds series of a closed set.
      assert.isBelow(after.length - before.length, 60)
    }).pipe(Effect.scoped)
  )
})
