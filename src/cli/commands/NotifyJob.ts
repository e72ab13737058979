/** `kubernaut notify test`: sends a test to the sinks of the settings, without the service. */

import { NodeHttpClient } from "@effect/platform-node"
import { Clock, Effect, Random, Result } from "effect"
import type { Notification } from "../../domain/Notification.ts"
import { fromMillis } from "../../domain/Timestamp.ts"
import type { Message, Sink } from "../../notification/NotificationSink.ts"
import { readSettings } from "../Edge.ts"
import { CommandFailed } from "../ExitCode.ts"
import { print, table } from "../Output.ts"
import type { Settings } from "../settings/Settings.ts"
import * as SinkSettings from "../SinkSettings.ts"
import type { Finding } from "./Finding.ts"

const within = "10 seconds"

/** How the address of a sink is called in messages: never by itself. */
const reasonOf = (error: { readonly _tag: string; readonly message?: string }): string =>
  error._tag === "SinkError" ? (error.message ?? "failed") : `no response within ${within}`

const found = (check: string, message: string, result: Result.Result<void, Parameters<typeof reasonOf>[0]>): Finding =>
  Result.isSuccess(result)
    ? { check, result: "ok", message }
    : { check, result: "failed", message: reasonOf(result.failure) }

/** Whether the sinks respond, and whether any of them takes an emergency. Sends no message. */
export const sinkFindings = Effect.fnUntraced(function* (settings: Settings) {
  const sinks = yield* SinkSettings.sinks(settings)
  const findings = yield* Effect.forEach(
    sinks,
    ({ check, name }) =>
      Effect.map(Effect.result(Effect.timeout(check, within)), (result) =>
        found(`sink ${name}`, "responds; kubernaut notify test sends it a message", result)
      ),
    { concurrency: 4 }
  )
  const hears = sinks.some(({ kinds }) => kinds === undefined || kinds.includes("emergency-entered"))
  return sinks.length === 0 || hears
    ? findings
    : [
        ...findings,
        {
          check: "emergency contacts",
          result: "warning",
          message: "no sink takes the kind emergency-entered, so nobody is told of an emergency"
        } satisfies Finding
      ]
}, Effect.provide(NodeHttpClient.layerUndici))

const testOf = Effect.fnUntraced(function* ({ clusterName }: Settings): Effect.fn.Return<Message> {
  const key = `test-${(yield* Random.nextIntBetween(0, Number.MAX_SAFE_INTEGER)).toString(36)}`
  const notification: Notification = {
    key,
    kind: "test",
    severity: "info",
    at: fromMillis(yield* Clock.currentTimeMillis),
    cluster: clusterName,
    title: "This is a test of Kubernaut's notifications",
    facts: [{ name: "Sent by", value: "kubernaut notify test" }]
  }
  return { key, notifications: [notification] }
})

const sendTest = Effect.fnUntraced(function* (sinks: ReadonlyArray<Sink>, settings: Settings) {
  const message = yield* testOf(settings)
  return yield* Effect.forEach(
    sinks,
    ({ name, send }) =>
      Effect.map(Effect.result(Effect.timeout(send(message), within)), (result) =>
        found(name, `has taken the test ${message.key}`, result)
      ),
    { concurrency: 4 }
  )
})

const signs = { ok: "ok", warning: "warning", failed: "FAILED" } as const

/** Implements `kubernaut notify test`. `only`: the sink to test; default all. */
export const notifyTest = Effect.fnUntraced(function* (only: string | undefined) {
  const settings = yield* readSettings
  const sinks = (yield* SinkSettings.sinks(settings)).filter(({ name }) => only === undefined || name === only)
  if (sinks.length === 0)
    return yield* new CommandFailed({
      code: "bad",
      text:
        settings.notificationSinks.length === 0
          ? "No sink is configured: set KUBERNAUT_NOTIFICATION_SINKS."
          : `There is no sink ${only}. The sinks are ${settings.notificationSinks.map(({ name }) => name).join(", ")}.`
    })
  const findings = yield* sendTest(sinks, settings)
  yield* print({ sinks: findings }, () =>
    table(findings.map(({ check, message, result }) => [signs[result], check, message]))
  )
  const failed = findings.filter(({ result }) => result === "failed")
  if (failed.length > 0)
    return yield* new CommandFailed({
      code: "bad",
      text: `The test did not reach ${failed.map(({ check }) => check).join(", ")}.`
    })
}, Effect.provide(NodeHttpClient.layerUndici))
