/**
 * The receivers of notifications: a signed webhook, a chat and an Alertmanager behind Effect's `HttpClient`. The
 * service's own sinks run on it.
 *
 * The webhook is observed: its body names every notification. Of Alertmanager the heartbeat is observed. The chat
 * exists so that there is another sink which a fault may stop. Only scenarios with `notifications` have any of this.
 */

import { Effect, Layer, Redacted } from "effect"
import { HttpClient, type HttpClientError, type HttpClientRequest, type HttpClientResponse } from "effect/http"
import type { NotificationKind } from "../../domain/Notification.ts"
import * as AlertmanagerSink from "../../notification/AlertmanagerSink.ts"
import { layerEffect, NotificationSinks as Sinks } from "../../notification/NotificationSink.ts"
import * as SlackSink from "../../notification/SlackSink.ts"
import * as WebhookSink from "../../notification/WebhookSink.ts"
import type { SeededRandom } from "../engine/SeededRandom.ts"
import type { FarEnd, Setting } from "./FarEnd.ts"
import { askedIn, passageOf, wholeResponse } from "./HolmesGptConversation.ts"
import { ActiveFaults } from "./paths/ActiveFaults.ts"

export const sinkNames = ["hook", "chat", "alertmanager"] as const
export type SinkName = (typeof sinkNames)[number]

/** What becomes of a request: its response, or none. */
export type SinkReply =
  | { readonly _tag: "Status"; readonly status: number; readonly retryAfter?: string }
  /** The connection is refused, and nothing arrives. */
  | { readonly _tag: "Refused" }
  /** It arrives, and the connection breaks before the response. */
  | { readonly _tag: "Lost" }

/** Changes what becomes of a request to a sink. `arrive` is called where the request is read. Several faults nest. */
export type SinkFault = (reply: Effect.Effect<SinkReply>) => Effect.Effect<SinkReply>

type Answer = Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>

interface PostedMessage {
  readonly key: string
  readonly notifications: ReadonlyArray<{
    readonly key: string
    readonly kind: NotificationKind
    readonly remediation?: string
  }>
}

const place = (name: SinkName) => ({ name, url: Redacted.make(`http://${name}.simulated/notify`) })

const taken: SinkReply = { _tag: "Status", status: 200 }

export class NotificationSinks implements FarEnd {
  readonly name = "notificationSinks"
  /** For the service. */
  readonly layer: Layer.Layer<Sinks>
  private readonly setting: Setting
  private readonly random: SeededRandom
  private readonly faults: Readonly<Record<SinkName, ActiveFaults<SinkFault>>> = {
    hook: new ActiveFaults(),
    chat: new ActiveFaults(),
    alertmanager: new ActiveFaults()
  }
  private readonly arrivals = new ActiveFaults<() => void>()

  constructor(setting: Setting) {
    this.setting = setting
    this.random = setting.world.random("notification sinks")
    const client = HttpClient.make((request) => this.respond(request))
    this.layer =
      setting.scenario.notifications === true
        ? Layer.provide(
            layerEffect(
              Effect.all([
                WebhookSink.make({ ...place("hook"), secret: Redacted.make("whsec_c2ltdWxhdGVk") }),
                SlackSink.make(place("chat")),
                AlertmanagerSink.make({ ...place("alertmanager"), cluster: "simulated" })
              ])
            ),
            Layer.succeed(HttpClient.HttpClient, client)
          )
        : Layer.succeed(Sinks, [])
  }

  /** Applies `fault` to a sink until the returned function is called. */
  disturb(sink: SinkName, fault: SinkFault): () => void {
    return this.faults[sink].add(fault)
  }

  /** Calls `then` when the next messages have arrived at the webhook, before their responses. */
  onArrival(then: () => void): () => void {
    return this.arrivals.add(then)
  }

  private respond(request: HttpClientRequest.HttpClientRequest): Answer {
    const sink = sinkNames.find((name) => request.url.includes(`//${name}.`)) ?? "hook"
    const { clusterLatencyMs } = this.setting.scenario
    const underWay = Effect.suspend(() => Effect.sleep(this.random.between(...clusterLatencyMs)))
    return Effect.suspend(() => {
      let reply: Effect.Effect<SinkReply> = Effect.succeed(taken)
      for (const fault of this.faults[sink]) reply = fault(reply)
      return Effect.flatMap(Effect.andThen(underWay, reply), (made): Answer => {
        if (made._tag === "Refused") return Effect.fail(passageOf(request).broken("refused"))
        const isTaken = made._tag === "Lost" || made.status < 300
        if (request.method === "POST" && isTaken) this.arrived(sink, request)
        if (made._tag === "Lost") return Effect.fail(passageOf(request).broken("reset"))
        const { retryAfter, status } = made
        const message = {
          status,
          body: "ok",
          ...(retryAfter === undefined ? {} : { retryAfter })
        } as const
        return Effect.as(underWay, wholeResponse(request, message))
      })
    })
  }

  private arrived(sink: SinkName, request: HttpClientRequest.HttpClientRequest): void {
    if (sink === "alertmanager" && askedIn(request).includes(`"KubernautHeartbeat"`))
      this.setting.observations.publish({ _tag: "HeartbeatArrived" })
    if (sink !== "hook") return
    const { key, notifications } = JSON.parse(askedIn(request)) as PostedMessage
    this.setting.observations.publish({ _tag: "NotificationArrived", key, notifications })
    for (const then of this.arrivals) then()
  }
}
