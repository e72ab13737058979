/**
 * `/api/v1/events`: a stream of events as they happen.
 *
 * Each client has its own sliding queue of the newest events, so a slow client uses bounded memory and delays nothing.
 * The number of streams is limited, in total and for each principal, so that one client cannot keep the others out.
 * Streams end when the server stops.
 */

import { Duration, Effect, Schedule, Schema, Stream } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { summary } from "../../changes/SuspectText.ts"
import type { Remediation } from "../../domain/Remediation.ts"
import { targetKey } from "../../domain/Target.ts"
import { Degradation } from "../../health/Degradation.ts"
import { type RemediationChange, RemediationEvents } from "../../remediation/RemediationEvents.ts"
import { type ResilienceEvent, ResilienceEvents } from "../../resilience/ResilienceEvent.ts"
import { ServedApi } from "../Api.ts"
import { CurrentPrincipal } from "../Authentication.ts"
import { failing, TooManyRequests } from "../problems/Problem.ts"
import type { ServerEvent } from "../Responses.ts"
import { Stopping } from "../Stopping.ts"

// Covers the bursts of an alert storm; about 250 kB per client.
const capacity = 1024

/** Many proxies close idle connections after 30 to 60 seconds. */
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
    ...(remediation.handedOverTo === undefined ? {} : { handedOverTo: remediation.handedOverTo }),
    ...(remediation.traceId === undefined ? {} : { traceId: remediation.traceId }),
    ...suspectsOf(remediation)
  }
})

/** What may have caused the alert, in one line. Suspects are journaled without secrets. */
const suspectsOf = ({ alert, suspects }: Remediation): { readonly suspects?: string } =>
  suspects === undefined ? {} : { suspects: summary(suspects, alert.startsAt) }

const asJson = Schema.decodeUnknownSync(Schema.JsonObject)

/** Events of breakers and supervisors. Calls and attempts appear in metrics only. */
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

/** The most streams at once, of all clients: about 50 MB of queues when every client is slow. */
const maxStreams = 200

/** The most streams of one principal: 50 open pages of a team that shares a token. */
const maxStreamsOfPrincipal = 50

/** Streams stay open for hours, so a client that was refused need not hurry. */
const retryAfterSeconds = 30

/** The principals of the open streams, one entry a stream. */
type OpenStreams = ReadonlyArray<string>

/** Why a principal may not open another stream; `undefined` if it may. */
const refusalOf = (open: OpenStreams, principal: string): string | undefined => {
  if (open.length >= maxStreams) return `The limit of ${maxStreams} event streams is reached.`
  return open.filter((name) => name === principal).length >= maxStreamsOfPrincipal
    ? `${principal} has ${maxStreamsOfPrincipal} event streams, the most for one token. Close one of them.`
    : undefined
}

/** Reserves a stream for a principal until the request ends. */
const makeReserve = () => {
  const open: Array<string> = []
  return Effect.gen(function* () {
    const { name } = yield* CurrentPrincipal
    const detail = refusalOf(open, name)
    if (detail !== undefined) return yield* failing(new TooManyRequests({ detail, retryAfterSeconds }))
    yield* Effect.acquireRelease(
      Effect.sync(() => open.push(name)),
      () => Effect.sync(() => open.splice(open.indexOf(name), 1))
    )
  })
}

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
        // The first ping is sent immediately, so that the client sees that the stream is open.
        Stream.concat(Stream.succeed(ping), Stream.fromSchedule(Schedule.spaced(pingInterval)).pipe(Stream.as(ping)))
      ],
      { concurrency: "unbounded", bufferSize: 16 }
    )

    const reserve = makeReserve()
    return handlers.handle("stream", () => Effect.as(reserve, Stream.interruptWhen(all, stopping.await)))
  })
)
