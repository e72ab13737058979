/** The business figures are the same in the API, in the metrics and in the database: after kill -9 and after archiving. */

import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { exampleAlert, run, type Service, start, temporaryDirectory } from "./Service.ts"

interface Figures {
  readonly alerts: Readonly<Record<string, number>>
  readonly verdicts: Readonly<Record<string, number>>
  readonly actions: ReadonlyArray<{ readonly action: string; readonly outcome: string; readonly count: number }>
  readonly investigationAccuracy?: number
  readonly actionSuccess?: number
}

/** As `subject outcome` to count, without those that are 0. */
type Flat = Readonly<Record<string, number>>

const flat = (entries: ReadonlyArray<readonly [string, number]>): Flat =>
  Object.fromEntries(entries.filter(([, count]) => count !== 0).sort(([one], [other]) => (one < other ? -1 : 1)))

const ofApi = ({ actions, alerts, verdicts }: Figures): Flat =>
  flat([
    ...Object.entries(alerts).map(([state, count]) => [`alerts ${state}`, count] as const),
    ...Object.entries(verdicts).map(([verdict, count]) => [`verdicts ${verdict}`, count] as const),
    ...actions.map(({ action, count, outcome }) => [`actions ${action} ${outcome}`, count] as const)
  ])

const ofMetrics = (samples: ReadonlyMap<string, number>): Flat =>
  flat(
    [...samples].flatMap(([series, value]) => {
      const [, name = "", labels = ""] = /^kubernaut_business_(alerts|verdicts|actions)\{(.*)\}$/.exec(series) ?? []
      const values = [...labels.matchAll(/="([^"]*)"/g)].map(([, text]) => text)
      return name === "" ? [] : [[`${name} ${values.join(" ")}`, value] as const]
    })
  )

/** Counts the rows themselves, not the counts that the service keeps. */
const ofRows = (file: string): Flat => {
  const database = new DatabaseSync(file, { readOnly: true })
  const rows = database
    .prepare(
      `select 'alerts ' || state as name, count(*) as count from remediations group by state
       union all select 'verdicts ' || verdict, count(*) from action_history where verdict is not null and writing = 1 group by verdict
       union all select 'actions ' || action || ' ' || applied, count(*) from action_history where writing = 1 group by action, applied`
    )
    .all() as unknown as ReadonlyArray<{ readonly name: string; readonly count: number }>
  database.close()
  return flat(rows.map(({ count, name }) => [name, count]))
}

const figuresOf = (service: Service) =>
  Effect.map(service.get<{ readonly figures: Figures }>("/api/v1/status"), ({ figures }) => figures)

/** The figures of the running service, which are the same in the API and in the metrics. */
const shown = (service: Service) =>
  Effect.gen(function* () {
    const figures = yield* figuresOf(service)
    const samples = yield* service.metrics
    assert.deepStrictEqual(ofMetrics(samples), ofApi(figures))
    assert.strictEqual(samples.get("kubernaut_business_investigation_accuracy_ratio"), figures.investigationAccuracy)
    assert.strictEqual(samples.get("kubernaut_business_action_success_ratio"), figures.actionSuccess)
    return ofApi(figures)
  })

const endAll = (service: Service, alert: string) =>
  Effect.gen(function* () {
    for (const { remediationId } of yield* service.post(exampleAlert(alert)))
      if (remediationId !== undefined) yield* service.ended(remediationId)
  })

/** Moves the history of the database half a year back, as if the service had been stopped since. */
const age = (file: string): void => {
  const database = new DatabaseSync(file)
  database.exec(
    "update remediations set received_at = '2026-01-01T00:00:00.000Z', updated_at = '2026-01-01T00:00:00.000Z', fired_at = '2026-01-01T00:00:00.000Z'"
  )
  database.close()
}

describe("the business figures", () => {
  it.live("are one in API, metrics and database, also after kill -9 and after `kubernaut archive`", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const file = join(directory, "kubernaut.db")
      const environment = { KUBERNAUT_DATABASE_URL: `sqlite:${file}`, KUBERNAUT_STEADY_FOR: "1 second" }

      const first = yield* start(environment)
      yield* endAll(first, "crash-loop")
      yield* endAll(first, "watchdog")
      const before = yield* shown(first)
      assert.deepInclude(before, { "alerts Remediated": 1, "alerts Observed": 1, "verdicts fixed": 1 })
      assert.deepStrictEqual(before, ofRows(file))
      yield* first.kill

      const second = yield* start(environment)
      assert.deepStrictEqual(yield* shown(second), before, "kill -9 takes nothing back")
      assert.strictEqual(
        (yield* second.metrics).get('kubernaut_remediations_total{state="Remediated"}'),
        0,
        "a counter begins at 0, as Prometheus expects"
      )
      yield* second.stop

      age(file)
      const archived = yield* run(["archive", "--older-than", "90 days"], environment)
      assert.strictEqual(archived.code, 0, archived.stderr)
      assert.deepStrictEqual(ofRows(file), {}, "the archive has taken the rows")
      const third = yield* start(environment)
      assert.deepStrictEqual(yield* shown(third), before, "what is archived stays counted")
    })
  )
})
