/**
 * A Slack incoming webhook, or that of a chat that takes the same body: Mattermost, Rocket.Chat, Discord (`…/slack`).
 *
 * The address is a secret: who knows it may post to the channel. The body has no other secret and no signature. Slack
 * has no idempotency key, so the text ends with the key of the message: two messages with one key are one.
 */

import { Effect } from "effect"
import { HttpClient } from "effect/http"
import { type Place, post, reach } from "./HttpSink.ts"
import type { Route, Sink } from "./NotificationSink.ts"
import type { Linked } from "./RemediationLink.ts"
import { textOf } from "./SlackText.ts"

/** An incoming webhook. */
export interface SlackOptions extends Place, Route, Linked {
  /** Default 20. Slack itself takes one message a second. */
  readonly perMinute?: number
}

/** A sink that posts to a chat. */
export const make = ({ link, ...options }: SlackOptions): Effect.Effect<Sink, never, HttpClient.HttpClient> =>
  Effect.map(HttpClient.HttpClient, (client): Sink => {
    const { headers: _headers, url: _url, ...rest } = options
    return {
      ...rest,
      send: (message) =>
        post(
          client,
          options,
          "",
          // Without previews: they would load addresses, and show more than was written.
          JSON.stringify({ text: textOf(message, link), mrkdwn: true, unfurl_links: false, unfurl_media: false }),
          { "idempotency-key": message.key }
        ),
      // What Slack says of an address that was revoked, or whose channel is gone.
      check: reach(client, options, [403, 404, 410])
    }
  })
