/**
 * What an emergency has held back is taken up when it is over: paced, once, also after kill -9, and nothing that has
 * resolved.
 */

import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { RemediationState } from "../../src/domain/Remediation.ts"
import type { WebhookAlert } from "../../src/intake/AlertmanagerWebhook.ts"
import { alertOf, webhookOf } from "../intake/webhooks.ts"
import { type Service, start, temporaryDirectory, until } from "./Service.ts"

interface Item {
  readonly id: string
  readonly state: RemediationState
  readonly target: { readonly name: string }
}

const listed = (service: Service) =>
  Effect.map(
    service.get<{ readonly remediations: ReadonlyArray<Item> }>("/api/v1/remediations?limit=200"),
    ({ remediations }) => remediations.toReversed()
  )

const names = Array.from({ length: 12 }, (_, index) => `d-${index}`)

const post = (service: Service, name: string, number: number, ended: Partial<WebhookAlert> = {}) => {
  const severity = name === "d-7" ? "critical" : "warning"
  const fingerprint = number.toString(16).padStart(16, "0")
  const labels = { alertname: "Unknown", namespace: "shop", deployment: name, severity }
  return service.post(webhookOf([alertOf(labels, { fingerprint, ...ended })]))
}

/** The names of the alerts that were taken up, in that order. */
const takenUp = (service: Service) =>
  Effect.map(
    service.get<{ readonly events: ReadonlyArray<{ kind: string; subject: string; data: { because?: string } }> }>(
      "/api/v1/audit?limit=1000"
    ),
    ({ events }) =>
      events.flatMap(({ data, kind, subject }) =>
        kind === "remediation.HandedOver" && data.because === "level" ? [subject] : []
      )
  )

describe("alerts that an emergency has held back", () => {
  it.live(
    "are taken up once it is over, each once, also after kill -9, and one that has resolved is not",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const file = join(yield* temporaryDirectory, "kubernaut.db")
          const settings = { KUBERNAUT_DATABASE_URL: `sqlite:${file}` }
          const first = yield* start(settings)
          yield* first.send("/api/v1/emergency", { method: "PUT", json: { reason: "a drill" } })
          for (const [index, name] of names.entries()) yield* post(first, name, index)
          const held = yield* until(
            "all of them to wait",
            listed(first),
            (items) => items.length === names.length && items.every(({ state }) => state === "Escalated")
          )
          yield* post(first, "d-3", 3, { status: "resolved", endsAt: "2026-11-24T04:00:00Z" })
          yield* first.send("/api/v1/emergency", { method: "DELETE", json: { reason: "over" } })
          yield* until("the first to be taken up", takenUp(first), (ids) => ids.length > 0)
          yield* first.kill

          const second = yield* start(settings)
          const ids = yield* until("the others too", takenUp(second), (found) => found.length === names.length - 1)
          const nameOf = (id: string) => held.find((each) => each.id === id)?.target.name
          assert.deepStrictEqual(
            ids.map(nameOf),
            ["d-7", ...names.filter((name) => name !== "d-7" && name !== "d-3")],
            "the critical one first, and then by age"
          )
          const all = yield* until("all of them to end", listed(second), (items) =>
            items.every(({ state }) => state !== "Received" && state !== "Investigating")
          )
          for (const name of names)
            assert.lengthOf(
              all.filter(({ target }) => target.name === name),
              name === "d-3" ? 1 : 2,
              name
            )
        })
      ),
    180_000
  )
})
