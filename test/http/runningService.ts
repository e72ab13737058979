/** A complete service on a free port, with storage in memory, for tests over real HTTP. */

import { request } from "node:http"
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer, Result } from "effect"
import { layer as application, start } from "../../src/cli/Application.ts"
import { readRules, tracing } from "../../src/cli/commands/Serve.ts"
import { parse } from "../../src/cli/settings/Configuration.ts"
import type { Token } from "../../src/http/Authentication.ts"
import * as Logging from "../../src/telemetry/Logging.ts"

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly text: string
}

export interface Call {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** An array is sent in chunks, without a content length. */
  readonly body?: string | ReadonlyArray<string>
}

/** Sends one request on its own connection. */
export const call = (port: number, path: string, { body, headers, method = "GET" }: Call = {}): Effect.Effect<Answer> =>
  Effect.callback((resume) => {
    const sent = request(
      { host: "127.0.0.1", port, path, method, agent: false, headers: { ...headers } },
      (response) => {
        let text = ""
        response.setEncoding("utf8")
        response.on("data", (chunk: string) => {
          text += chunk
        })
        response.on("end", () =>
          resume(Effect.succeed({ status: response.statusCode ?? 0, headers: response.headers, text }))
        )
      }
    )
    // The server may close the connection while the client still sends a refused body.
    sent.on("error", (error: NodeJS.ErrnoException) =>
      error.code === "EPIPE" || error.code === "ECONNRESET" ? undefined : resume(Effect.die(error))
    )
    if (typeof body === "string") sent.setHeader("content-length", Buffer.byteLength(body))
    for (const chunk of typeof body === "string" ? [body] : (body ?? [])) sent.write(chunk)
    sent.end()
    return Effect.sync(() => sent.destroy())
  })

export interface ServiceOptions {
  readonly environment?: Readonly<Record<string, string>>
  readonly tokens?: ReadonlyArray<Token>
  readonly log?: (line: string) => void
}

/** Starts the service and returns its port. The scope stops it. */
export const running = Effect.fnUntraced(function* ({ environment, log, tokens }: ServiceOptions = {}) {
  const parsed = parse({
    environment: { KUBERNAUT_PORT: "0", KUBERNAUT_DATABASE_URL: "sqlite::memory:", ...environment },
    terminal: false
  })
  if (Result.isFailure(parsed)) return yield* Effect.die(parsed.failure)
  const settings = parsed.success
  const prepared = {
    settings,
    rules: yield* Effect.provide(readRules(settings), NodeServices.layer),
    ...(tokens === undefined ? {} : { tokens })
  }
  const context = yield* Layer.build(
    application(prepared).pipe(
      Layer.provideMerge(tracing(settings)),
      Layer.provideMerge(Logging.layer({ format: "json", level: "warn", write: log ?? (() => undefined) }))
    )
  )
  const { address } = yield* Effect.provideContext(start(prepared), context)
  return "port" in address ? address.port : 0
})
