/**
 * What goes wrong between Prometheus and the service: webhooks are duplicated, late, out of order, malformed, or arrive
 * in storms.
 *
 * None of these may lose an alert that the service has acknowledged.
 */

import { Result, Schema } from "effect"
import { Webhook } from "../../../intake/AlertmanagerWebhook.ts"
import type { SeededRandom } from "../../engine/SeededRandom.ts"
import { alertLabels } from "../../farEnds/WorkloadAlerts.ts"
import { type FaultKind, kind, type Reach } from "../FaultKind.ts"

const duplicate = kind({
  name: "intake-duplicate",
  target: "alertmanager",
  description:
    "Every webhook is sent several times: by each replica of Alertmanager, and again after the repeat interval.",
  parameters: Schema.Struct({ copies: Schema.Int, withinMs: Schema.Int }),
  lasts: [30_000, 600_000],
  draw: (random) => ({ copies: random.between(2, 4), withinMs: Math.floor(random.magnitude(1, 120_000)) }),
  apply: ({ copies, withinMs }, { farEnds }, random) =>
    farEnds.alertmanager.disturb((webhook) =>
      Array.from({ length: copies }, (_, index) => ({
        webhook,
        afterMs: index === 0 || random.chance(0.3) ? 0 : random.below(withinMs)
      }))
    )
})

const late = kind({
  name: "intake-late",
  target: "alertmanager",
  description: "Webhooks arrive late and out of order: a resolved alert may arrive before the firing one.",
  parameters: Schema.Struct({ byMs: Schema.Int }),
  lasts: [30_000, 600_000],
  draw: (random) => ({ byMs: Math.floor(random.magnitude(1_000, 600_000)) }),
  apply: ({ byMs }, { farEnds }, random) =>
    farEnds.alertmanager.disturb((webhook) => [{ webhook, afterMs: random.below(byMs) }])
})

const resolvedFirst = kind({
  name: "intake-resolved-first",
  target: "alertmanager",
  description: "The resolved webhook of an alert arrives before the firing one.",
  parameters: Schema.Struct({ byMs: Schema.Int }),
  lasts: [30_000, 600_000],
  draw: (random) => ({ byMs: Math.floor(random.magnitude(10, 60_000)) }),
  apply: ({ byMs }, { farEnds, world }) =>
    farEnds.alertmanager.disturb((webhook) => {
      if (webhook.status !== "firing") return [{ webhook, afterMs: 0 }]
      const endsAt = new Date(world.wallStartMs + world.nowMs).toISOString()
      const resolved: Webhook = {
        ...webhook,
        status: "resolved",
        alerts: webhook.alerts.map((alert) => ({ ...alert, status: "resolved", endsAt }))
      }
      return [
        { webhook: resolved, afterMs: 0 },
        { webhook, afterMs: byMs }
      ]
    })
})

/**
 * One webhook with alerts about deleted pods, about healthy workloads, and of severity `none`.
 */
const stormOf = (count: number, { farEnds: { cluster }, world }: Reach, random: SeededRandom): Webhook => {
  const startsAt = new Date(world.wallStartMs + world.nowMs).toISOString()
  const alerts = Array.from({ length: count }, (_, index): Webhook["alerts"][number] => {
    const about = random.pick(cluster.workloads)
    const { name, namespace } = about
    const which = random.below(10)
    return {
      status: "firing",
      labels:
        which < 7
          ? {
              alertname: "KubePodCrashLooping",
              severity: "warning",
              namespace,
              pod: `${name}-5d4f8c7b9-${(index % 200).toString(36).padStart(5, "x")}`
            }
          : which < 9
            ? alertLabels(about, "mismatch", "warning")
            : { alertname: "InfoInhibitor", severity: "none", namespace },
      annotations: {},
      startsAt,
      endsAt: "0001-01-01T00:00:00Z",
      fingerprint: `${world.nowMs.toString(16)}${index.toString(16).padStart(6, "0")}`.padStart(16, "0")
    }
  })
  return { version: "4", status: "firing", alerts }
}

const storm = (count: number, gapMs: readonly [number, number] | undefined) =>
  kind({
    name: `intake-storm-${count}`,
    target: "alertmanager",
    description: `${count} alerts in one webhook, which are resolved soon after.`,
    parameters: Schema.Struct({ resolvedAfterMs: Schema.Int }),
    lasts: undefined,
    ...(gapMs === undefined ? {} : { gapMs }),
    draw: (random) => ({ resolvedAfterMs: Math.floor(random.magnitude(100, 300_000)) }),
    apply: ({ resolvedAfterMs }, reach, random) => {
      const {
        farEnds: { alertmanager },
        world
      } = reach
      const firing = stormOf(count, reach, random)
      const endsAt = new Date(world.wallStartMs + world.nowMs + resolvedAfterMs).toISOString()
      const resolved: Webhook = {
        ...firing,
        status: "resolved",
        alerts: firing.alerts.map((alert) => ({ ...alert, status: "resolved", endsAt }))
      }
      alertmanager.deliver({ webhook: firing, afterMs: 0 }, `a storm of ${count} at ${world.nowMs} ms`)
      alertmanager.deliver(
        { webhook: resolved, afterMs: resolvedAfterMs },
        `the end of a storm of ${count} at ${world.nowMs} ms`
      )
      return () => {}
    }
  })

const incidents = kind({
  name: "intake-storm-of-incidents",
  target: "alertmanager",
  description: "Every workload of the cluster breaks at the same moment.",
  parameters: Schema.Struct({}),
  lasts: undefined,
  gapMs: [3_600_000, 36_000_000],
  draw: () => ({}),
  apply: (_, { farEnds }) => {
    farEnds.alertmanager.breakAll()
    return () => {}
  }
})

const oddTexts = [
  "",
  " ",
  "\u0000",
  "\ud800",
  "../../etc/passwd",
  "a/b%2Fc",
  "<none>",
  "x".repeat(100_000),
  "$(reboot)",
  "Ω≈ç√∫",
  "__proto__"
]

/** The share of an odd webhook's fields that violate the format. It is small, so that most webhooks are accepted. */
const wrongShare = 0.01

/** Bodies, most of which are valid but odd webhooks. */
const oddBody = (random: SeededRandom): unknown => {
  const or = (right: unknown, ...wrong: ReadonlyArray<unknown>): unknown =>
    random.chance(wrongShare) ? random.pick(wrong) : right
  const text = () => random.pick(oddTexts)
  const moment = () =>
    or(
      random.pick([
        "2026-11-24T03:00:00Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "2026-11-24T03:00:00.123456789+05:30"
      ]),
      "yesterday",
      "",
      7
    )
  const labels = () =>
    random.pick<() => unknown>([
      () => ({}),
      () => ({ alertname: text(), namespace: text(), deployment: text(), severity: text() }),
      () => ({ [text()]: text() })
    ])()
  const annotations = () =>
    random.pick<() => unknown>([
      () => ({}),
      () => undefined,
      () => null,
      () => ({ description: text() }),
      () => Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`a${index}`, text()]))
    ])()
  const alert = () =>
    Object.fromEntries(
      Object.entries({
        status: or(random.pick(["firing", "resolved"]), "maybe"),
        labels: or(labels(), null, { alertname: 7 }),
        annotations: annotations(),
        startsAt: moment(),
        endsAt: random.pick([() => moment(), () => null, () => undefined])(),
        fingerprint: or(random.pick([text(), undefined, null, "00"]), 1)
      }).filter(([, value]) => value !== undefined)
    )
  return random.pick<() => unknown>([
    () =>
      random.pick<unknown>([null, { version: "3", status: "firing", alerts: [] }, { version: "4", status: "firing" }]),
    () => ({ version: "4", status: "firing", alerts: [] }),
    ...Array.from({ length: 6 }, () => () => ({
      version: "4",
      status: or(random.pick(["firing", "resolved"]), "maybe"),
      alerts: Array.from({ length: random.between(1, 5) }, alert)
    }))
  ])()
}

const decode = Schema.decodeUnknownResult(Webhook)

const odd = kind({
  name: "intake-odd",
  target: "alertmanager",
  description:
    "Somebody sends odd or invalid webhooks: invalid ones are rejected, and valid ones are handled like any other.",
  parameters: Schema.Struct({ count: Schema.Int }),
  lasts: undefined,
  gapMs: [600_000, 7_200_000],
  draw: (random) => ({ count: Math.floor(random.magnitude(1, 10)) }),
  apply: ({ count }, { farEnds: { alertmanager }, world }, random) => {
    for (let index = 0; index < count; index++) {
      const webhook = decode(oddBody(random))
      // The HTTP route responds 400 to a body that does not decode.
      if (Result.isSuccess(webhook))
        alertmanager.deliver({ webhook: webhook.success, afterMs: 0 }, `odd webhook ${index} at ${world.nowMs} ms`)
    }
    return () => {}
  }
})

// A thousand alerts are as much work as the rest of an hour, so this storm is rare.
export const intakeFaults: ReadonlyArray<FaultKind> = [
  duplicate,
  late,
  resolvedFirst,
  storm(10, [600_000, 7_200_000]),
  storm(1000, [60_000_000, 600_000_000]),
  incidents,
  odd
]
