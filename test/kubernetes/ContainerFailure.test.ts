import { assert, describe, it } from "@effect/vitest"
import { failureNow } from "../../src/kubernetes/ContainerFailure.ts"
import type { ContainerStatus, Pod } from "../../src/kubernetes/ObjectModel.ts"

const nowMs = Date.parse("2026-11-24T03:00:00Z")
const day = 86_400
const ago = (seconds: number) => new Date(nowMs - seconds * 1000).toISOString()

const pod = (createdBefore: number): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", namespace: "shop", uid: "u", resourceVersion: "1", creationTimestamp: ago(createdBefore) },
  spec: { containers: [{ name: "main" }] }
})

const of = (status: Partial<ContainerStatus>, createdBefore = 30 * day): string | null =>
  failureNow(pod(createdBefore), { name: "main", ready: false, restartCount: 1, ...status }, nowMs)

/** The run before lasted `ran` seconds, and the present one has lasted `runs` seconds since it began at once. */
const again = (ran: number, runs: number, changes: Partial<ContainerStatus> = {}, reason = "Error") =>
  of({
    state: { running: { startedAt: ago(runs) } },
    lastState: {
      terminated: {
        reason,
        exitCode: reason === "OOMKilled" ? 137 : 1,
        startedAt: ago(runs + ran),
        finishedAt: ago(runs)
      }
    },
    ...changes
  })

const waits = (reason: string, last?: string) =>
  of({
    state: { waiting: { reason } },
    ...(last === undefined
      ? {}
      : { lastState: { terminated: { reason: last, exitCode: 1, startedAt: ago(20), finishedAt: ago(10) } } })
  })

describe("a container that waits", () => {
  it("fails for the reason that its kubelet names", () => {
    assert.strictEqual(waits("ImagePullBackOff"), "ImagePullBackOff")
    assert.strictEqual(waits("CrashLoopBackOff", "Error"), "CrashLoopBackOff")
    assert.strictEqual(waits("CreateContainerConfigError", "OOMKilled"), "CreateContainerConfigError")
  })

  it("fails because of the OOM kill that its back-off follows", () => {
    assert.strictEqual(waits("CrashLoopBackOff", "OOMKilled"), "OOMKilled")
  })

  it("does not fail while it is only created, unless it has just exited", () => {
    assert.isNull(waits("ContainerCreating"))
    assert.isNull(waits("PodInitializing"))
    assert.strictEqual(waits("ContainerCreating", "Error"), "Error")
  })
})

describe("a container that has ended", () => {
  const ended = (exitCode: number, ready: boolean) =>
    of({
      ready,
      state: { terminated: { exitCode } },
      lastState: { terminated: { reason: "OOMKilled", exitCode: 137, finishedAt: ago(30) } }
    })

  it("fails for the reason of its end", () => {
    assert.strictEqual(of({ state: { terminated: { reason: "OOMKilled", exitCode: 137 } } }), "OOMKilled")
    assert.strictEqual(ended(1, false), "Error")
  })

  it("does not fail if it is an init container that has completed, whatever its first attempts did", () => {
    assert.isNull(ended(0, true))
  })
})

describe("a container that runs again", () => {
  it("has outlasted one exit at its start once it runs twice as long, and for ten seconds", () => {
    assert.strictEqual(again(2, 9), "Error")
    assert.isNull(again(2, 10))
    assert.strictEqual(again(30, 59), "Error")
    assert.isNull(again(30, 60))
  })

  it("must run for longer the more often it has exited", () => {
    assert.strictEqual(again(2, 79, { restartCount: 4 }), "Error")
    assert.isNull(again(2, 80, { restartCount: 4 }))
    assert.strictEqual(again(2, 299, { restartCount: 90 }), "Error")
    assert.isNull(again(2, 300, { restartCount: 90 }))
  })

  it("has outlasted every exit after ten minutes, also that of a run of many days", () => {
    assert.strictEqual(again(20 * day, 599), "Error")
    assert.isNull(again(20 * day, 600))
  })

  it("is OOM-killed for ten minutes after a kill, ready or not, however long it ran before or runs since", () => {
    for (const ready of [true, false])
      for (const [ran, runs, killed] of [
        [1, 590, true],
        [20 * day, 590, true],
        [1, 600, false],
        [60, 20 * day, false]
      ] as const)
        assert.strictEqual(again(ran, runs, { ready }, "OOMKilled"), killed ? "OOMKilled" : null)
  })

  it("fails although it is ready in between, unless it has exited with 0", () => {
    const lastState = { terminated: { exitCode: 0, startedAt: ago(40), finishedAt: ago(10) } }
    assert.strictEqual(again(30, 10, { ready: true }), "Error")
    assert.isNull(again(30, 10, { ready: true, lastState }))
    assert.strictEqual(again(30, 10, { lastState }), "Completed")
  })

  it("is judged by the age of its pod where the start of its earlier run is not known", () => {
    const at = (createdBefore: number) =>
      of(
        {
          state: { running: { startedAt: ago(30) } },
          lastState: { terminated: { reason: "Error", exitCode: 1, finishedAt: ago(32) } }
        },
        createdBefore
      )
    assert.isNull(at(40))
    assert.strictEqual(at(day), "Error")
  })

  it("has outlasted nothing where nobody knows since when it runs", () => {
    const lastState = { terminated: { reason: "Error", exitCode: 1, startedAt: ago(12), finishedAt: ago(10) } }
    assert.strictEqual(of({ state: { running: {} }, lastState }), "Error")
    assert.strictEqual(of({ state: { running: {} }, lastState: { terminated: { exitCode: 1 } } }), "Error")
  })

  it("never failed: it starts, or its probe fails", () => {
    assert.isNull(of({ restartCount: 0, state: { running: { startedAt: ago(day) } } }))
  })
})

describe("a crash loop", () => {
  /** The statuses of each second of a loop with runs of these seconds, as a kubelet reports them. */
  const secondsOf = (runs: ReadonlyArray<number>, reason: string): ReadonlyArray<Partial<ContainerStatus>> => {
    const statuses: Array<Partial<ContainerStatus>> = []
    for (const [restartCount, run] of runs.entries()) {
      if (restartCount === 0) continue
      const ran = runs[restartCount - 1]!
      const back = restartCount === 1 ? 0 : Math.min(300, 10 * 2 ** (restartCount - 2))
      const last = (since: number) => ({
        restartCount,
        lastState: { terminated: { reason, exitCode: 1, startedAt: ago(since + ran), finishedAt: ago(since) } }
      })
      for (let at = 0; at < back; at++)
        statuses.push({ ...last(at), state: { waiting: { reason: "CrashLoopBackOff" } } })
      for (let at = 0; at < run; at++) statuses.push({ ...last(back + at), state: { running: { startedAt: ago(at) } } })
    }
    return statuses
  }

  it.each([
    [1, 8],
    [5, 9],
    [20, 39],
    [60, 110],
    [150, 290]
  ])("is found at every second, with runs of %i and %i seconds in turn, ready or not", (short, long) => {
    const runs = Array.from({ length: 12 }, (_, index) => (index % 2 === 0 ? short : long))
    for (const reason of ["Error", "OOMKilled"])
      for (const ready of [false, true])
        for (const status of secondsOf(runs, reason)) assert.isNotNull(of({ ...status, ready }))
  })
})
