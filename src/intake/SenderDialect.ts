/**
 * Rewrites a post of another sender of Alertmanager's format (Grafana, Mimir, scripts) as Alertmanager itself would
 * have encoded it, before it is decoded.
 *
 * | the sender writes                                        | it becomes                                        |
 * | -------------------------------------------------------- | ------------------------------------------------- |
 * | a number as `version`                                    | a string                                          |
 * | no `status` of the post                                  | `firing` if one of its alerts fires               |
 * | `FIRING`, `Resolved `                                    | lower case without spaces                         |
 * | a number or a boolean as a label or an annotation        | a string                                          |
 * | `null` as a label or an annotation                       | an absent one, as an empty label is in Prometheus |
 * | a number as `fingerprint`, a string as `truncatedAlerts` | the other of the two                              |
 * | an empty `endsAt`                                        | an absent one                                     |
 *
 * Everything else stays as it is, so that the schema says what is wrong with it. A post that needs no change is
 * returned without a copy.
 */

type Fields = Readonly<Record<string, unknown>>

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The fields with changes made. `undefined` removes a field. */
const changed = (fields: Fields, changes: Fields): Fields => {
  const names = Object.keys(changes).filter((name) => changes[name] !== fields[name])
  if (names.length === 0) return fields
  return Object.fromEntries(Object.entries({ ...fields, ...changes }).filter(([, value]) => value !== undefined))
}

const asText = (value: unknown): unknown =>
  typeof value === "number" || typeof value === "boolean" ? String(value) : value

const asCount = (value: unknown): unknown =>
  typeof value === "string" && /^\d{1,15}$/.test(value.trim()) ? Number(value) : value

const asStatus = (value: unknown): unknown => (typeof value === "string" ? value.trim().toLowerCase() : value)

const asTexts = (value: unknown): unknown => {
  if (!isFields(value) || Object.values(value).every((text) => typeof text === "string")) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, text]) => (text === null ? [] : [[name, asText(text)]]))
  )
}

const asAlert = (alert: unknown): unknown => {
  if (!isFields(alert)) return alert
  const { annotations, endsAt, fingerprint, labels, status } = alert
  return changed(alert, {
    status: asStatus(status),
    labels: asTexts(labels),
    annotations: asTexts(annotations),
    endsAt: endsAt === "" ? undefined : endsAt,
    fingerprint: asText(fingerprint)
  })
}

const asAlerts = (alerts: unknown): unknown => {
  if (!Array.isArray(alerts)) return alerts
  const rewritten = alerts.map(asAlert)
  return rewritten.every((alert, index) => alert === alerts[index]) ? alerts : rewritten
}

const statusOf = (alerts: unknown): unknown => {
  if (!Array.isArray(alerts) || alerts.length === 0) return undefined
  return alerts.some((alert) => isFields(alert) && alert["status"] !== "resolved") ? "firing" : "resolved"
}

/**
 * The body as Alertmanager would have encoded it.
 *
 * ```ts
 * import * as SenderDialect from "./SenderDialect.ts"
 *
 * const alert = { status: "firing", labels: { alertname: "A", code: 500 }, startsAt: "2026-11-24T03:00:00Z" }
 * const body = SenderDialect.normalized({ version: 1, alerts: [alert] }) as { version: string; status: string }
 * ;[body.version, body.status] // => ["1", "firing"]
 * ```
 */
export const normalized = (body: unknown): unknown => {
  if (!isFields(body)) return body
  const alerts = asAlerts(body["alerts"])
  return changed(body, {
    version: asText(body["version"]),
    status: asStatus(body["status"] ?? statusOf(alerts)),
    truncatedAlerts: asCount(body["truncatedAlerts"]),
    alerts
  })
}
