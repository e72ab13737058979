/**
 * `/api/v1/events`: what happens, as it happens.
 *
 * Each client has a queue of its own that keeps the newest events: one that does not read costs a bounded amount of
 * memory and holds up nobody. Streams end when the server stops, so that it need not wait for them.
 */

import { Duration, Effect, Schedule, Schema, Stream } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { targetKey } from "../../domain/Target.ts"
import { Degradation } from "../../health/Degradation.ts"
import { type RemediationChange, RemediationEvents } from "../../remediation/RemediationEvents.ts"
import { type ResilienceEvent, ResilienceEvents } from "../../resilience/ResilienceEvent.ts"
import { ServedApi, type ServerEvent } from "../Api.ts"
import { Stopping } from "../Stopping.ts"

// Enough for the bursts of a storm while a slow client reads; about 250 kB per client.
const capacity = 1024

/** Proxies close connections on which nothing is said, many after 30 to 60 seconds. */
const pingInterval = Duration.seconds(15)

export const remediationEvent = ({ event, remediation }: RemediationChange): ServerEvent => ({
  id: `${remediation.id}:${remediation.sequence}`,
  event: "remediation",
  data: {
    id: remediation.id,
    kind: event,
    state: remediation.state,
    alert: remediation.alert.name,
    severity: remediation.alert.severity,
    target: targetKey(remediation.target),
    at: remediation.updatedAt,
    ...(remediation.level === undefined ? {} : { level: remediation.level }),
    ...(remediation.joinedTo === undefined ? {} : { joinedTo: remediation.joinedTo }),
    ...(remediation.traceId === undefined ? {} : { traceId: remediation.traceId })
  }
})

const asJson = Schema.decodeUnknownSync(Schema.JsonObject)

/** Breakers and supervisors; single calls and attempts are for metrics. */
export const resilienceEvent = (event: ResilienceEvent): ReadonlyArray<ServerEvent> => {
  switch (event._tag) {
    case "BreakerTransition": {
      const { _tag, ...data } = event
      return [{ id: undefined, event: "breaker", data: asJson(data) }]
    }
    case "ChildRestarted":
    case "ChildEnded":
    case "ChildEscalated": {
      const { _tag, ...data } = event
      return [{ id: undefined, event: "supervisor", data: asJson({ kind: _tag, ...data }) }]
    }
    default:
      return []
  }
}

const ping: ServerEvent = { id: undefined, event: "ping", data: {} }

export const EventHandlers = HttpApiBuilder.group(
  ServedApi,
  "events",
  Effect.fnUntraced(function* (handlers) {
    const remediations = yield* RemediationEvents
    const resilience = yield* ResilienceEvents
    const degradation = yield* Degradation
    const stopping = yield* Stopping

    const all = Stream.mergeAll(
      [
        Stream.unwrap(Effect.map(remediations.subscribe({ capacity }), (queue) => Stream.fromQueue(queue))).pipe(
          Stream.map(remediationEvent)
        ),
        Stream.unwrap(Effect.map(resilience.subscribe({ capacity }), (queue) => Stream.fromQueue(queue))).pipe(
          Stream.flatMap((event) => Stream.fromIterable(resilienceEvent(event)))
        ),
        Stream.map(degradation.changes, (status): ServerEvent => ({
          id: undefined,
          event: "level",
          data: asJson({ level: status.level, reasons: status.reasons })
        })),
        // The first one at once: the client sees that the stream is there.
        Stream.concat(Stream.succeed(ping), Stream.fromSchedule(Schedule.spaced(pingInterval)).pipe(Stream.as(ping)))
      ],
      { concurrency: "unbounded", bufferSize: 16 }
    )

    return handlers.handle("stream", () => Effect.succeed(Stream.interruptWhen(all, stopping.await)))
  })
)
