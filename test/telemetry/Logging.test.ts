import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect } from "effect"
import { layer, type LoggingOptions } from "../../src/telemetry/Logging.ts"

const logged = Effect.fnUntraced(function* (effect: Effect.Effect<void>, options: Partial<LoggingOptions> = {}) {
  const lines: Array<string> = []
  yield* Effect.provide(effect, layer({ format: "json", level: "info", write: (line) => lines.push(line), ...options }))
  return lines
})

describe("Logging", () => {
  it.effect("writes one object per line, with a constant message, the fields, and the ids of trace and span", () =>
    Effect.gen(function* () {
      const lines = yield* logged(
        Effect.logInfo("Breaker opened", { breaker: "holmesgpt" }).pipe(
          Effect.annotateLogs({ remediation: "rem-1" }),
          Effect.withSpan("test")
        )
      )
      assert.lengthOf(lines, 1)
      const record = JSON.parse(lines[0] ?? "") as Record<string, string>
      assert.deepInclude(record, {
        level: "info",
        message: "Breaker opened",
        breaker: "holmesgpt",
        remediation: "rem-1",
        time: "1970-01-01T00:00:00.000Z"
      })
      assert.match(record["trace_id"] ?? "", /^[0-9a-f]{32}$/)
      assert.match(record["span_id"] ?? "", /^[0-9a-f]{16}$/)
    })
  )

  it.effect("writes one line for fields with line breaks, big integers and cycles", () =>
    Effect.gen(function* () {
      const cycle: Record<string, unknown> = {}
      cycle["self"] = cycle
      const lines = yield* logged(
        Effect.andThen(Effect.logInfo("a\nb", { text: "c\nd", big: 1n }), Effect.logInfo("cycle", { cycle }))
      )
      assert.lengthOf(lines, 2)
      for (const line of lines) assert.notInclude(line, "\n")
      assert.deepInclude(JSON.parse(lines[0] ?? "") as object, { message: "a\nb", text: "c\nd", big: "1" })
    })
  )

  it.effect("does not let a field replace the message, the level or the time", () =>
    Effect.gen(function* () {
      const [line] = yield* logged(Effect.logWarning("real", { message: "forged", level: "info", time: "never" }))
      assert.deepInclude(JSON.parse(line ?? "") as object, {
        message: "real",
        level: "warn",
        "field.message": "forged",
        "field.level": "info",
        "field.time": "never"
      })
    })
  )

  it.effect("leaves out events below its level, and keeps the cause of a failure", () =>
    Effect.gen(function* () {
      const lines = yield* logged(
        Effect.andThen(Effect.logInfo("quiet"), Effect.logError("loud", Cause.fail(new Error("broken")))),
        { level: "warn" }
      )
      assert.lengthOf(lines, 1)
      assert.match((JSON.parse(lines[0] ?? "") as { readonly error: string }).error, /broken/)
    })
  )

  it.effect("is readable on a terminal, with colours only when they are enabled", () =>
    Effect.gen(function* () {
      const effect = Effect.logInfo("Kubernaut is ready", { url: "http://127.0.0.1:8080", text: "two words" })
      const [plain] = yield* logged(effect, { format: "pretty" })
      assert.strictEqual(plain, `00:00:00.000 INFO  Kubernaut is ready url=http://127.0.0.1:8080 text="two words"`)
      const [coloured] = yield* logged(effect, { format: "pretty", colours: true })
      assert.include(coloured ?? "", "\u001b[")
    })
  )
})
