/** The sinks of notifications that the settings name. */

import { NodeHttpClient } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import type { HttpClient } from "effect/http"
import * as AlertmanagerSink from "../notification/AlertmanagerSink.ts"
import { layerEffect, type Sink } from "../notification/NotificationSink.ts"
import { linkBelow } from "../notification/RemediationLink.ts"
import * as SlackSink from "../notification/SlackSink.ts"
import * as WebhookSink from "../notification/WebhookSink.ts"
import type { NotificationSinkSetting } from "./settings/NotificationSettings.ts"
import type { Settings } from "./settings/Settings.ts"

type Needed = Pick<Settings, "clusterName" | "notificationSinks" | "publicUrl">

const sinkOf = (
  { kind, ...options }: NotificationSinkSetting,
  { clusterName, publicUrl }: Needed
): Effect.Effect<Sink, never, HttpClient.HttpClient> => {
  const link = publicUrl === undefined ? undefined : linkBelow(publicUrl)
  switch (kind) {
    case "alertmanager":
      return AlertmanagerSink.make({ ...options, cluster: clusterName, link })
    case "webhook":
      return WebhookSink.make({ ...options, link })
    case "slack":
      return SlackSink.make({ ...options, link })
  }
}

/** Makes the sinks. They use one HTTP client. */
export const sinks = (settings: Needed): Effect.Effect<ReadonlyArray<Sink>, never, HttpClient.HttpClient> =>
  Effect.forEach(settings.notificationSinks, (sink) => sinkOf(sink, settings))

/** The sinks as a layer for `Kubernaut.layer`. */
export const layer = (settings: Needed) => Layer.provide(layerEffect(sinks(settings)), NodeHttpClient.layerUndici)
