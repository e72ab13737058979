import { assert, describe, it } from "@effect/vitest"
import { neverFalselyFixed } from "../../../src/simulation/invariants/NeverFalselyFixed.ts"
import { accepted, app, intended, verified, written } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

const start = (
  serves: (ms: number) => boolean,
  {
    disturbedMs = -Infinity,
    verdict = "fixed",
    writtenMs = Infinity,
    suffersSinceMs = Infinity,
    toldMs = Infinity,
    verdictMs = 1_000
  } = {}
) => {
  let nowMs = 0
  const cluster = {
    serves: () => serves(nowMs),
    disturbedAtMs: () => (nowMs >= disturbedMs ? disturbedMs : -Infinity),
    readAtMs: () => 900
  }
  const alertmanager = { suffersSinceMs: () => (suffersSinceMs <= nowMs ? suffersSinceMs : undefined) }
  const seen = watch(neverFalselyFixed, undefined, { farEnds: { alertmanager, cluster } })
  seen.at(1, accepted("rem-1"))
  nowMs = 500
  seen.at(500, intended("rem-1", app))
  if (toldMs < Infinity) {
    nowMs = toldMs
    seen.at(toldMs, {
      _tag: "AlertAnswered",
      alert: { fingerprint: "alert of rem-1", startsAt: "" },
      firing: false,
      status: "resolved"
    })
  }
  nowMs = verdictMs
  seen.at(verdictMs, verified("rem-1", verdict))
  for (nowMs = verdictMs; nowMs < 60_000; nowMs += 500) {
    seen.at(nowMs)
    if (nowMs === writtenMs) seen.at(nowMs, written(app, "rem-2-1"))
  }
  return seen.reports
}

const said = (ms: number) =>
  `remediation rem-1 said that Deployment prod/app-1 is fixed, and ${ms} ms later it does not serve`

describe("never-falsely-fixed", () => {
  it("reports a verdict of fixed on a workload that does not serve, once", () => {
    assert.deepStrictEqual(
      start(() => false),
      [said(0)]
    )
  })

  it("reports a workload that stops serving by itself within half a minute", () => {
    assert.deepStrictEqual(
      start((ms) => ms < 9_000),
      [said(10_000)]
    )
  })

  it("accepts a workload that serves, one that somebody broke afterwards, and one without a verdict", () => {
    assert.deepStrictEqual(
      start(() => true),
      []
    )
    assert.deepStrictEqual(
      start((ms) => ms < 9_000, { disturbedMs: 8_000 }),
      []
    )
    assert.deepStrictEqual(
      start(() => false, { verdict: "unknown" }),
      []
    )
  })

  it("accepts a workload that a later action restarts", () => {
    assert.deepStrictEqual(
      start((ms) => ms < 9_000, { writtenMs: 8_000 }),
      []
    )
  })

  it("reports a symptom that has lasted since before the action on a workload that served, and no later one", () => {
    assert.deepStrictEqual(
      start(() => true, { suffersSinceMs: 400 }),
      ["remediation rem-1 said that its target is fixed, and its alert has fired since 400 ms"]
    )
    assert.deepStrictEqual(
      start(() => true, { suffersSinceMs: 600 }),
      []
    )
    assert.deepStrictEqual(
      start((ms) => ms > 900, { suffersSinceMs: 400 }),
      []
    )
  })

  it("accepts a symptom of which the service was told for ten seconds that it has ended, and no shorter time", () => {
    const symptom = { suffersSinceMs: 400, verdictMs: 20_000 }
    assert.deepStrictEqual(
      start(() => true, { ...symptom, toldMs: 10_000 }),
      []
    )
    assert.deepStrictEqual(
      start(() => true, { ...symptom, toldMs: 10_001 }),
      ["remediation rem-1 said that its target is fixed, and its alert has fired since 400 ms"]
    )
  })

  it("does not excuse a workload that somebody broke before the service's last read", () => {
    assert.deepStrictEqual(
      start(() => false, { disturbedMs: 500 }),
      [said(0)]
    )
  })
})
