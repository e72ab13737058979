/**
 * A signed webhook for programs of your own: `WebhookSignature` describes the headers, `docs/notifications.md` the
 * body.
 *
 * The body is data: a receiver that shows a value on a page or in a chat has to escape it.
 */

import { Clock, Effect, Redacted } from "effect"
import { HttpClient } from "effect/http"
import type { Fact, Notification } from "../domain/Notification.ts"
import { countsText, digestTitle } from "./Digest.ts"
import { type Place, post, reach } from "./HttpSink.ts"
import type { Message, Route, Sink } from "./NotificationSink.ts"
import type { Linked } from "./RemediationLink.ts"
import { signed } from "./WebhookSignature.ts"

/** A webhook. */
export interface WebhookOptions extends Place, Route, Linked {
  /** With it, each message is signed: `whsec_` and base64, or any text. */
  readonly secret?: Redacted.Redacted
  readonly perMinute?: number
}

const shown = ({ facts, remediationId, ...notification }: Notification, link: Linked["link"]) => ({
  key: notification.key,
  kind: notification.kind,
  severity: notification.severity,
  at: notification.at,
  cluster: notification.cluster,
  title: notification.title,
  facts: facts.map(({ name, value }: Fact) => ({ name, value })),
  ...(remediationId === undefined ? {} : { remediation: remediationId }),
  ...(remediationId === undefined || link?.(remediationId) === undefined ? {} : { url: link(remediationId) }),
  ...(notification.begins === undefined ? {} : { begins: notification.begins.name }),
  ...(notification.ends === undefined ? {} : { ends: notification.ends.map(({ name }) => name) })
})

/** Many receivers refuse a body of 100 KB. */
const mostBytes = 64 * 1024

/** As many as fit, the most severe first, in the order in which they were given. */
const fitting = (shown: ReadonlyArray<object>, isFirst: (index: number) => boolean): ReadonlyArray<object> => {
  const order = shown.map((_, index) => index).toSorted((left, right) => Number(isFirst(right)) - Number(isFirst(left)))
  const kept = new Set<number>()
  let bytes = 0
  for (const index of order) {
    bytes += Buffer.byteLength(JSON.stringify(shown[index])) + 1
    if (bytes > mostBytes && kept.size > 0) break
    kept.add(index)
  }
  return shown.filter((_, index) => kept.has(index))
}

/**
 * The body of a message. `notifications` of a digest have no facts: the record has them. Of a digest that is too large,
 * the most severe are kept, and `total` says how many there are.
 */
export const bodyOf = ({ digest, key, notifications }: Message, link: Linked["link"]): string =>
  JSON.stringify({
    version: 1,
    key,
    title: digest === undefined ? notifications[0].title : `${digestTitle(digest)}: ${countsText(digest)}`,
    notifications: fitting(
      notifications.map((each) => {
        const { facts, ...rest } = shown(each, link)
        return digest === undefined || digest.mostSevere.includes(each) ? { ...rest, facts } : rest
      }),
      (index) => digest?.mostSevere.includes(notifications[index]!) === true
    ),
    ...(digest === undefined
      ? {}
      : { digest: { total: digest.total, counts: digest.counts, from: digest.from, to: digest.to } })
  })

/** A sink that posts to a webhook. */
export const make = ({ link, secret, ...options }: WebhookOptions): Effect.Effect<Sink, never, HttpClient.HttpClient> =>
  Effect.map(HttpClient.HttpClient, (client): Sink => {
    const { headers: _headers, url: _url, ...rest } = options
    return {
      ...rest,
      send: (message) =>
        Effect.flatMap(Clock.currentTimeMillis, (nowMs) => {
          const body = bodyOf(message, link)
          const attempt = { id: message.key, timestampSeconds: Math.floor(nowMs / 1000), body }
          return post(client, options, "", body, {
            "idempotency-key": message.key,
            ...(secret === undefined ? { "webhook-id": message.key } : signed(Redacted.value(secret), attempt))
          })
        }),
      check: reach(client, options, [410])
    }
  })
