/**
 * A span of Effect's in the JSON of OTLP: what a collector takes at `/v1/traces`.
 *
 * An error is told by its name and message. Its stack is for the log of whoever develops this, and would be most of a
 * trace's size.
 */

import { Cause, Option, type Tracer } from "effect"
import { OtlpResource } from "effect/observability"

type KeyValue = OtlpResource.KeyValue

interface OtlpEvent {
  readonly name: string
  readonly timeUnixNano: string
  readonly attributes: ReadonlyArray<KeyValue>
}

/**
 * https://github.com/open-telemetry/opentelemetry-proto, `trace.proto`, in its JSON mapping: ids in hexadecimal, times
 * as text.
 */
export interface OtlpSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: ReadonlyArray<KeyValue>
  readonly events: ReadonlyArray<OtlpEvent>
  readonly links: ReadonlyArray<{
    readonly traceId: string
    readonly spanId: string
    readonly attributes: ReadonlyArray<KeyValue>
  }>
  readonly status: { readonly code: number; readonly message?: string }
}

const kinds = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const satisfies Record<
  Tracer.SpanKind,
  number
>

const codes = { unset: 0, ok: 1, error: 2 } as const

const attributesOf = (fields: Iterable<[string, unknown]>): ReadonlyArray<KeyValue> =>
  OtlpResource.entriesToAttributes(fields)

/** Spans of Effect's own tracer keep their events in this field, which its interface does not have. */
const eventsOf = (span: Tracer.Span): ReadonlyArray<OtlpEvent> => {
  const events =
    (
      span as {
        readonly _events?: ReadonlyArray<
          readonly [name: string, time: bigint, attributes?: Readonly<Record<string, unknown>>]
        >
      }
    )._events ?? []
  return events.map(([name, time, attributes]) => ({
    name,
    timeUnixNano: String(time),
    attributes: attributesOf(Object.entries(attributes ?? {}))
  }))
}

const exceptions = (cause: Cause.Cause<unknown>, time: bigint): ReadonlyArray<OtlpEvent> =>
  Cause.prettyErrors(cause).map(({ message, name }) => ({
    name: "exception",
    timeUnixNano: String(time),
    attributes: attributesOf([
      ["exception.type", name],
      ["exception.message", message]
    ])
  }))

/** A span that has ended. `undefined` for one that has not. */
export const encode = (span: Tracer.Span): OtlpSpan | undefined => {
  const { status } = span
  if (status._tag !== "Ended") return undefined
  const failure =
    status.exit._tag === "Failure" && !Cause.hasInterruptsOnly(status.exit.cause) ? status.exit.cause : undefined
  const [first] = failure === undefined ? [] : Cause.prettyErrors(failure)
  const isInterrupted = status.exit._tag === "Failure" && failure === undefined
  return {
    traceId: span.traceId.padStart(32, "0"),
    spanId: span.spanId,
    ...(Option.isSome(span.parent) ? { parentSpanId: span.parent.value.spanId } : {}),
    name: span.name,
    kind: kinds[span.kind],
    startTimeUnixNano: String(status.startTime),
    endTimeUnixNano: String(status.endTime),
    attributes: attributesOf([
      ...span.attributes,
      ...(isInterrupted ? [["effect.fiber.interrupted", true] as [string, unknown]] : [])
    ]),
    events: [...eventsOf(span), ...(failure === undefined ? [] : exceptions(failure, status.endTime))],
    links: span.links.map(({ attributes, span: { spanId, traceId } }) => ({
      traceId: traceId.padStart(32, "0"),
      spanId,
      attributes: attributesOf(Object.entries(attributes))
    })),
    status:
      failure !== undefined
        ? { code: codes.error, ...(first === undefined ? {} : { message: first.message }) }
        : { code: isInterrupted ? codes.unset : codes.ok }
  }
}

export interface Resource {
  readonly serviceName: string
  readonly serviceVersion: string
  readonly attributes: Readonly<Record<string, string>>
}

/** The body of a request with these spans. */
export const body = ({ attributes, serviceName, serviceVersion }: Resource, spans: ReadonlyArray<OtlpSpan>): string =>
  JSON.stringify({
    resourceSpans: [
      {
        resource: {
          attributes: attributesOf(
            Object.entries({ "service.name": serviceName, "service.version": serviceVersion, ...attributes })
          )
        },
        scopeSpans: [{ scope: { name: serviceName, version: serviceVersion }, spans }]
      }
    ]
  })
