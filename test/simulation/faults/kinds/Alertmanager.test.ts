/** The effects of faults of Prometheus and Alertmanager. */

import { assert } from "@effect/vitest"
import { answers, delayMs } from "../../fixtures/Alerts.ts"
import { effectsOn } from "../../fixtures/Effects.ts"
import { prometheusCases } from "../../fixtures/PrometheusEffects.ts"
import { undisturbed } from "../../fixtures/Undisturbed.ts"
import { type Case, type Cases, fromMs, minuteMs, type Witness } from "../../fixtures/Witness.ts"

/** Alerts are also repeated while they fire, so only those of the fault count. */
const duplicates = (seen: Witness) => answers(seen, "during").filter(({ status }) => status === "duplicate").length

/** Alerts without a cause in the cluster. */
const storm = (alerts: number): Case => ({
  parameters: { resolvedAfterMs: 5_000 },
  claim: `${alerts} alerts, resolved after five seconds, each get a response to both within ten seconds`,
  shows: (seen) => {
    const own = new RegExp(`^0*${fromMs.toString(16)}[0-9a-f]{6}$`)
    for (const firing of [true, false]) {
      const answered = answers(seen).filter(
        (answer) => answer.firing === firing && own.test(answer.alert.fingerprint) && answer.atMs < fromMs + 10_000
      )
      assert.strictEqual(new Set(answered.map(({ alert }) => alert.fingerprint)).size, alerts, String(firing))
    }
    assert.strictEqual(seen.result.boots, 1)
  }
})

const intakeCases: Cases = {
  "intake-duplicate": [
    {
      parameters: { copies: 4, withinMs: 10_000 },
      claim: "far more alerts than without the fault are acknowledged as duplicates",
      shows: (seen) => assert.isAbove(duplicates(seen), 3 * duplicates(undisturbed))
    }
  ],
  "intake-late": [
    {
      parameters: { byMs: 60_000 },
      claim: "alerts arrive late, and without delay afterwards",
      shows: (seen) => {
        assert.isAbove(delayMs(seen, "during"), delayMs(undisturbed, "during") + 5_000)
        assert.isBelow(delayMs(seen, "after"), 1_000)
      }
    }
  ],
  "intake-storm-10": [storm(10)],
  "intake-storm-1000": [storm(1000)],
  "intake-storm-of-incidents": [
    {
      parameters: {},
      claim: "at least four more workloads than without the fault break within a minute",
      shows: (seen) => {
        const broken = (witnessed: Witness) =>
          new Set(
            witnessed
              .seen("WorkloadHealth", "during")
              .filter(({ atMs, healthy }) => !healthy && atMs < fromMs + minuteMs)
              .map(({ ref }) => ref.name)
          ).size
        assert.isAbove(broken(seen), broken(undisturbed) + 3)
      }
    }
  ],
  "intake-odd": [
    {
      parameters: { count: 40 },
      claim: "alerts of odd webhooks, which no workload has caused, get a response",
      shows: (seen) => {
        const sent = new Set(seen.seen("AlertSent").map(({ alert }) => alert.fingerprint))
        const strange = answers(seen, "during").filter(({ alert }) => !sent.has(alert.fingerprint))
        assert.isAbove(strange.length, 5)
        assert.strictEqual(seen.result.boots, 1)
      }
    }
  ]
}

effectsOn(["alertmanager"], { ...intakeCases, ...prometheusCases })
