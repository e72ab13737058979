/**
 * The log: one line per event, with a constant message and variable data in fields.
 *
 * `json` is for collectors: `time`, `level`, `message`, the fields, and the `trace_id` and `span_id` of the current
 * span. `pretty` shows the same to people. A field cannot break a line or replace a built-in name: text is escaped, and
 * a caller's `time`, `level`, `message`, `trace_id`, `span_id` and `error` are renamed to `field.…`.
 */

import { Array as Arr, Cause, Context, type Fiber, Layer, Logger, type LogLevel, References, Tracer } from "effect"

export interface LoggingOptions {
  readonly format: "json" | "pretty"
  readonly level: "debug" | "info" | "warn" | "error"
  /** Writes one line, given without its line break. */
  readonly write: (line: string) => void
  /** Colours in `pretty`. */
  readonly colours?: boolean
}

export interface LogRecord {
  readonly time: string
  readonly level: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly traceId?: string
  readonly spanId?: string
  readonly error?: string
}

const levels = { debug: "Debug", info: "Info", warn: "Warn", error: "Error" } as const satisfies Record<
  LoggingOptions["level"],
  LogLevel.LogLevel
>

const isFields = (part: unknown): part is Record<string, unknown> =>
  typeof part === "object"
  && part !== null
  && !Array.isArray(part)
  && !(part instanceof Error)
  && Object.getPrototypeOf(part) === Object.prototype

/** The parts of a log event. */
export const record = (options: {
  readonly message: unknown
  readonly logLevel: LogLevel.LogLevel
  readonly cause: Cause.Cause<unknown>
  readonly fiber: Fiber.Fiber<unknown, unknown>
  readonly date: Date
}): LogRecord => {
  const parts = Arr.ensure(options.message)
  const span = Context.getOrUndefined(options.fiber.context, Tracer.ParentSpan)
  const text = parts
    .filter((part) => !isFields(part))
    .map((part) => (typeof part === "string" ? part : part instanceof Error ? part.message : String(part)))
  return {
    time: options.date.toISOString(),
    level: options.logLevel.toLowerCase(),
    message: text.join(" "),
    fields: Object.assign({}, options.fiber.getRef(References.CurrentLogAnnotations), ...parts.filter(isFields)),
    ...(span === undefined ? {} : { traceId: span.traceId, spanId: span.spanId }),
    ...(options.cause.reasons.length === 0 ? {} : { error: Cause.pretty(options.cause) })
  }
}

const taken = new Set(["time", "level", "message", "trace_id", "span_id", "error"])

// A field may hold a value that JSON cannot represent; logging it must not fail.
const safe = (_key: string, value: unknown): unknown =>
  typeof value === "bigint" ? String(value) : value instanceof Error ? value.message : value

const stringify = (value: unknown): string => {
  try {
    return JSON.stringify(value, safe) ?? "null"
  } catch {
    return JSON.stringify(String(value))
  }
}

export const toJson = ({ error, fields, level, message, spanId, time, traceId }: LogRecord): string => {
  const renamed = Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [taken.has(key) ? `field.${key}` : key, value])
  )
  return stringify({ time, level, message, ...renamed, trace_id: traceId, span_id: spanId, error })
}

const colour = { debug: 90, info: 36, warn: 33, error: 31 } as Readonly<Record<string, number>>

const plain = (value: unknown): string =>
  typeof value === "string" && /^[\w./:@+-]+$/.test(value) ? value : stringify(value)

export const toPretty = (entry: LogRecord, colours: boolean): string => {
  const paint = (code: number, text: string) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text)
  const fields = Object.entries(entry.fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${paint(90, `${key}=`)}${plain(value)}`)
  const error =
    entry.error === undefined
      ? ""
      : `\n${entry.error
          .split("\n")
          .map((line) => `    ${line}`)
          .join("\n")}`
  return `${paint(90, entry.time.slice(11, 23))} ${paint(colour[entry.level] ?? 0, entry.level.toUpperCase().padEnd(5))} ${entry.message}${fields.join("")}${error}`
}

/** Replaces Effect's own logger and sets the minimum level. */
export const layer = (options: LoggingOptions): Layer.Layer<never> => {
  const logger = Logger.make((entry) => {
    const made = record(entry)
    options.write(options.format === "json" ? toJson(made) : toPretty(made, options.colours === true))
  })
  return Layer.mergeAll(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, levels[options.level]))
}
