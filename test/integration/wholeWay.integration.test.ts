/** Alerts from webhook to verdict on the sandbox, through the service process and over real HTTP. */

import { createHash } from "node:crypto"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import type { AuditEvent } from "../../src/domain/AuditEvent.ts"
import { RemediationDetail } from "../../src/http/Responses.ts"
import { exampleAlert, type Result, type Service, start } from "./Service.ts"

const idOf = (results: ReadonlyArray<Result>, index = 0): string => {
  const id = results[index]?.remediationId
  assert.isDefined(id, `result ${index} of ${JSON.stringify(results)} names a remediation`)
  return id!
}

const kindsOf = (self: RemediationDetail): ReadonlyArray<string> => self.events.map((event) => event.kind)

/** The whole audit log, page by page. */
const auditOf = Effect.fnUntraced(function* (service: Service) {
  const lines: Array<AuditEvent> = []
  while (true) {
    const page = yield* service.get<{ readonly events: ReadonlyArray<AuditEvent>; readonly next: number }>(
      `/api/v1/audit?after=${lines.length}&limit=7`
    )
    if (page.events.length === 0) return lines
    lines.push(...page.events)
    assert.strictEqual(page.next, lines.length, "lines are numbered without gaps")
  }
})

/** Recomputes every hash of an exported log from its lines. */
const firstBrokenLine = (lines: ReadonlyArray<AuditEvent>): number | undefined => {
  let previous = "0".repeat(64)
  for (const { actor, at, data, hash, kind, previousHash, sequence, subject } of lines) {
    const content = JSON.stringify([sequence, at, actor, kind, subject, JSON.stringify(data), previousHash])
    if (previousHash !== previous || createHash("sha256").update(content).digest("hex") !== hash) return sequence
    previous = hash
  }
  return undefined
}

const total = (metrics: ReadonlyMap<string, number>, name: string): number =>
  [...metrics]
    .filter(([sample]) => sample === name || sample.startsWith(`${name}{`))
    .reduce((sum, [, value]) => sum + value, 0)

describe("the service process", () => {
  it.live(
    "accepts every example alert, concludes its remediation, publishes its events and counts it",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const service = yield* start()
          const names = readdirSync(join(import.meta.dirname, "../../examples/alerts"))
            .map((file) => file.replace(/\.json$/, ""))
            .sort()
          assert.deepStrictEqual(names, [
            "crash-loop",
            "hpa-maxed",
            "mixed",
            "node-not-ready",
            "oom",
            "resolved",
            "watchdog"
          ])

          const results = new Map<string, ReadonlyArray<Result>>()
          // In this order, `mixed` repeats known alerts, and `resolved` arrives after the action.
          for (const name of names.filter((each) => each !== "resolved")) {
            results.set(name, yield* service.post(exampleAlert(name)))
            // `mixed` resolves it: before the action, that would cancel it.
            if (name !== "crash-loop") continue
            const id = idOf(results.get(name)!)
            yield* service.seen(({ data }) => data["id"] === id && data["kind"] === "Intended")
          }
          const statuses = (name: string) => results.get(name)!.map((result) => result.status)
          assert.deepStrictEqual(statuses("crash-loop"), ["accepted"])
          assert.deepStrictEqual(statuses("hpa-maxed"), ["accepted"])
          assert.deepStrictEqual(statuses("mixed"), [
            "duplicate",
            "accepted",
            "accepted",
            "accepted",
            "accepted",
            "accepted",
            "resolved"
          ])
          assert.deepStrictEqual(statuses("node-not-ready"), ["duplicate"])
          assert.strictEqual(
            idOf(results.get("node-not-ready")!),
            idOf(results.get("mixed")!, 4),
            "a duplicate returns the remediation in progress"
          )
          assert.strictEqual(
            idOf(results.get("mixed")!, 6),
            idOf(results.get("crash-loop")!),
            "a resolved alert returns the remediation of the firing alert"
          )

          const again = yield* service.post(exampleAlert("oom"))
          assert.deepStrictEqual(again, [{ ...results.get("oom")![0]!, status: "duplicate" }])

          const ids = [...new Set([...results.values()].flat().map((result) => result.remediationId!))]
          assert.strictEqual(ids.length, 9)
          const all = yield* Effect.forEach(ids, service.ended, { concurrency: "unbounded" })
          const stateOf = (name: string, index = 0) =>
            all.find(({ id }) => id === idOf(results.get(name)!, index))?.state
          assert.strictEqual(stateOf("crash-loop"), "Remediated")
          assert.strictEqual(stateOf("oom"), "Remediated")
          assert.strictEqual(stateOf("hpa-maxed"), "Remediated")
          assert.strictEqual(stateOf("watchdog"), "Observed")
          for (const index of [1, 2, 3, 4, 5])
            assert.strictEqual(
              stateOf("mixed", index),
              "Escalated",
              `alert ${index} of mixed names no object of the sandbox`
            )

          yield* assertFullRecord(service, idOf(results.get("crash-loop")!))
          yield* assertEvents(service, idOf(results.get("crash-loop")!))

          const late = yield* service.post(exampleAlert("resolved"))
          assert.deepStrictEqual(late, [
            { fingerprint: late[0]!.fingerprint, status: "resolved", remediationId: idOf(results.get("crash-loop")!) }
          ])
          assert.strictEqual(
            (yield* service.remediation(idOf(late))).state,
            "Remediated",
            "a final state does not change"
          )

          yield* assertMetrics(service, all)
          yield* assertAuditLog(service, all)
          assert.strictEqual((yield* service.stop).code, 0)
          assert.notMatch(service.log(), /\n {4}at /, "the log contains no stack trace")
        })
      ),
    300_000
  )

  const assertFullRecord = (service: Service, id: string) =>
    Effect.gen(function* () {
      const answer = yield* service.send(`/api/v1/remediations/${id}`)
      const raw = JSON.parse(answer.text) as Record<string, unknown>
      for (const field of [
        "id",
        "alert",
        "state",
        "level",
        "hops",
        "investigation",
        "decision",
        "executions",
        "verification",
        "traceId",
        "events"
      ]) {
        assert.property(raw, field)
      }
      const whole = yield* Effect.orDie(
        Schema.decodeUnknownEffect(RemediationDetail)(raw, { onExcessProperty: "error" })
      )
      assert.deepStrictEqual(whole.target, {
        cluster: "sandbox",
        namespace: "shop",
        kind: "Deployment",
        name: "checkout"
      })
      assert.strictEqual(whole.level, 0)
      const [hop, ...more] = whole.hops
      assert.deepStrictEqual(more, [])
      assert.deepInclude(hop, { investigator: "rules", outcome: "answered", attempts: 1 })
      assert.isAtLeast(hop!.durationMs, 0)
      assert.isNotEmpty(whole.investigation!.rootCause)
      assert.isAtMost(whole.investigation!.confidence, 0.5, "the confidence of rules is capped")
      assert.deepStrictEqual(whole.decision!.action, {
        type: "RollbackDeployment",
        target: { namespace: "shop", kind: "Deployment", name: "checkout" },
        toRevision: 2
      })
      assert.strictEqual(whole.executions.length, 1)
      assert.strictEqual(whole.executions[0]!.outcome?.applied, "yes")
      assert.strictEqual(whole.executions[0]!.outcome?.executionId, `${id}-1`)
      assert.notStrictEqual(whole.executions[0]!.intent.inverse._tag, "None")
      assert.strictEqual(whole.verification!.verdict, "fixed")
      assert.match(whole.traceId!, /^[0-9a-f]{32}$/)
      assert.deepStrictEqual(
        kindsOf(whole).filter((kind) => kind !== "AlertResolved"),
        ["Accepted", "Started", "Investigated", "Decided", "Intended", "Executed", "Verified", "Concluded"]
      )
      assert.deepStrictEqual(
        whole.events.map(({ sequence }) => sequence),
        whole.events.map((_, index) => index)
      )
      assert.strictEqual(
        yield* Effect.map(service.send("/api/v1/remediations/rem-unknown"), ({ status }) => status),
        404
      )
    })

  const assertEvents = (service: Service, id: string) =>
    Effect.gen(function* () {
      yield* service.seen(({ data }) => data["id"] === id && data["kind"] === "Concluded")
      const published = service.events.filter(({ data, event }) => event === "remediation" && data["id"] === id)
      const kinds = published.map(({ data }) => data["kind"])
      assert.deepStrictEqual(
        kinds.filter((kind) => kind !== "AlertResolved"),
        ["Started", "Investigated", "Decided", "Intended", "Executed", "Verified", "Concluded"]
      )
      assert.deepInclude(published.at(-1)!.data, {
        state: "Remediated",
        target: "sandbox/shop/Deployment/checkout",
        alert: "KubeDeploymentRolloutStuck"
      })
    })

  const assertMetrics = (service: Service, all: ReadonlyArray<RemediationDetail>) =>
    Effect.gen(function* () {
      const metrics = yield* service.metrics
      const value = (sample: string) => metrics.get(sample)
      // Seven files with 13 alerts. crash-loop is posted twice.
      assert.strictEqual(value(`kubernaut_alerts_received_total{status="accepted"}`), 9)
      assert.strictEqual(value(`kubernaut_alerts_received_total{status="duplicate"}`), 3)
      assert.strictEqual(value(`kubernaut_alerts_received_total{status="resolved"}`), 2)
      assert.strictEqual(value(`kubernaut_alerts_received_total{status="shed"}`), 0)
      assert.strictEqual(total(metrics, "kubernaut_remediations_total"), all.length)
      for (const state of ["Remediated", "Escalated", "Observed", "Cancelled", "Joined", "RolledBack"]) {
        assert.strictEqual(
          value(`kubernaut_remediations_total{state="${state}"}`),
          all.filter((each) => each.state === state).length,
          state
        )
      }
      // The alert that always fires is only recorded, which takes no time.
      assert.strictEqual(value("kubernaut_remediation_duration_seconds_count"), all.length - 1)
      for (const action of ["RollbackDeployment", "AdjustResources", "PatchHpa"]) {
        assert.strictEqual(value(`kubernaut_actions_total{action="${action}",outcome="yes"}`), 1, action)
      }
      assert.strictEqual(total(metrics, "kubernaut_actions_total"), 3)
      assert.strictEqual(value("kubernaut_degradation_level"), 0)
      assert.strictEqual(value(`kubernaut_circuit_breaker_state{service="kubernetes"}`), 0)
      assert.strictEqual(value(`kubernaut_service_availability_ratio{service="kubernetes"}`), 1)
      assert.isAbove(value(`kubernaut_requests_total{service="kubernetes",outcome="success"}`)!, 0)
      assert.strictEqual(value(`kubernaut_requests_total{service="kubernetes",outcome="failure"}`), 0)
    })

  const assertAuditLog = (service: Service, all: ReadonlyArray<RemediationDetail>) =>
    Effect.gen(function* () {
      const lines = yield* auditOf(service)
      assert.isUndefined(firstBrokenLine(lines))
      assert.deepStrictEqual(yield* service.get("/api/v1/audit/verification"), { intact: true })
      for (const { events, id, state } of all) {
        const kinds = lines.filter(({ subject }) => subject === id).map(({ kind }) => kind)
        const late = state === "Remediated" ? kinds.slice(0, events.length) : kinds
        assert.deepStrictEqual(
          late,
          events.map(({ kind }) => `remediation.${kind}`),
          "the audit log has one line per event, in order"
        )
      }
    })

  it.live(
    "mode approve requests a review before every action, runs approved actions, cancels rejected ones, and accepts one answer",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const service = yield* start({ KUBERNAUT_MODE: "approve" })
          const rollout = idOf(yield* service.post(exampleAlert("crash-loop")))
          const memory = idOf(yield* service.post(exampleAlert("oom")))
          const autoscaler = idOf(yield* service.post(exampleAlert("hpa-maxed")))
          yield* Effect.forEach([rollout, memory, autoscaler], service.waiting, { concurrency: "unbounded" })

          const { reviews } = yield* service.get<{
            readonly reviews: ReadonlyArray<{ readonly id: string; readonly action: { readonly type: string } }>
          }>("/api/v1/reviews")
          assert.deepStrictEqual(
            new Map(reviews.map(({ action, id }) => [id, action.type])),
            new Map([
              [rollout, "RollbackDeployment"],
              [memory, "AdjustResources"],
              [autoscaler, "PatchHpa"]
            ])
          )
          assert.strictEqual(
            total(yield* service.metrics, "kubernaut_actions_total"),
            0,
            "no action runs without approval"
          )

          const approved = yield* service.send(`/api/v1/remediations/${rollout}/approve`, { method: "POST" })
          assert.strictEqual(approved.status, 202, approved.text)
          const rejected = yield* service.send(`/api/v1/remediations/${memory}/reject`, {
            json: { reason: "The sale ends at six." }
          })
          assert.strictEqual(rejected.status, 202, rejected.text)
          for (const id of [rollout, memory]) {
            const twice = yield* service.send(`/api/v1/remediations/${id}/approve`, { method: "POST" })
            assert.strictEqual(twice.status, 409, twice.text)
            assert.match(twice.headers.get("content-type")!, /^application\/problem\+json/)
          }

          const no = yield* service.ended(memory)
          assert.strictEqual(no.state, "Cancelled")
          assert.match(no.conclusion!, /The sale ends at six\./)
          assert.deepStrictEqual(no.executions, [])

          // A pending review ends when its alert resolves.
          const firing = exampleAlert("hpa-maxed") as {
            status: string
            alerts: Array<{ status: string; endsAt: string }>
          }
          yield* service.post({
            ...firing,
            status: "resolved",
            alerts: firing.alerts.map((alert) => ({ ...alert, status: "resolved", endsAt: "2026-11-24T03:30:00Z" }))
          })
          const resolved = yield* service.ended(autoscaler)
          assert.strictEqual(resolved.state, "Cancelled")
          assert.deepStrictEqual(resolved.executions, [])

          const yes = yield* service.ended(rollout)
          assert.strictEqual(yes.state, "Remediated")
          assert.deepInclude(yes.review, { answer: "approved", by: "anonymous" })
          assert.deepStrictEqual(
            (yield* service.get<{ readonly reviews: ReadonlyArray<unknown> }>("/api/v1/reviews")).reviews,
            []
          )
          const who = (yield* auditOf(service))
            .filter(({ kind }) => kind === "remediation.Reviewed")
            .map(({ actor, data, subject }) => ({ actor, answer: data["answer"], subject }))
          assert.deepStrictEqual(who, [
            { actor: "anonymous", answer: "approved", subject: rollout },
            { actor: "anonymous", answer: "rejected", subject: memory }
          ])
        })
      ),
    300_000
  )

  it.live(
    "mode observe reports the action that it would run, and changes nothing",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const service = yield* start({ KUBERNAUT_MODE: "observe" })
          const first = yield* service.ended(idOf(yield* service.post(exampleAlert("crash-loop"))))
          assert.strictEqual(first.state, "Observed")
          assert.strictEqual(first.decision!.action.type, "RollbackDeployment")
          assert.deepStrictEqual(first.executions, [])

          // A later alert still finds the bad rollout.
          const later = exampleAlert("crash-loop") as { alerts: Array<Record<string, unknown>> }
          const second = yield* service.ended(
            idOf(
              yield* service.post({
                ...later,
                alerts: later.alerts.map((alert) => ({ ...alert, startsAt: "2026-11-24T04:00:00Z" }))
              })
            )
          )
          assert.strictEqual(second.state, "Observed")
          assert.notStrictEqual(second.id, first.id)
          const generationOf = (self: RemediationDetail) =>
            (self.events.find(({ kind }) => kind === "Decided")!.data["observed"] as { readonly generation: number })
              .generation
          assert.strictEqual(generationOf(second), generationOf(first))
          assert.strictEqual(total(yield* service.metrics, "kubernaut_actions_total"), 0)
        })
      ),
    300_000
  )
})
