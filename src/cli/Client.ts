/** The typed client of a running service, by `--url` and `--token` or `KUBERNAUT_URL` and `KUBERNAUT_TOKEN`. */

import { Config, Effect, Option, type Redacted, Schema } from "effect"
import { Flag } from "effect/cli"
import { FetchHttpClient, HttpClient, HttpClientError, HttpClientRequest } from "effect/http"
import { HttpApiClient } from "effect/http-api"
import { Api } from "../http/Api.ts"
import { CommandFailed } from "./ExitCode.ts"

export const connection = {
  url: Flag.String("url").pipe(
    Flag.withDescription("Address of the service (KUBERNAUT_URL)"),
    Flag.withFallbackConfig(Config.String("KUBERNAUT_URL")),
    Flag.withDefault("http://127.0.0.1:8080")
  ),
  token: Flag.Redacted("token").pipe(
    Flag.withDescription("Bearer token (KUBERNAUT_TOKEN, which other users of this machine cannot see)"),
    Flag.withFallbackConfig(Config.Redacted("KUBERNAUT_TOKEN")),
    Flag.optional
  )
}

export interface Connection {
  readonly url: string
  readonly token: Option.Option<Redacted.Redacted>
}

export const makeClient = ({ token, url }: Connection) =>
  HttpApiClient.make(Api, {
    transformClient: HttpClient.mapRequest((request) =>
      HttpClientRequest.prependUrl(
        Option.isSome(token) ? HttpClientRequest.bearerToken(request, token.value) : request,
        url.replace(/\/$/, "")
      )
    )
  })

export type Client = Effect.Success<ReturnType<typeof makeClient>>

/** What went wrong with a request, as a sentence and an exit code. */
export const explain = (error: unknown, url: string): CommandFailed => {
  if (Schema.is(CommandFailed)(error)) return error
  if (HttpClientError.isHttpClientError(error)) {
    return error.reason._tag === "TransportError"
      ? new CommandFailed({
          code: "unavailable",
          text: `${url} does not answer. Is the service running? kubernaut serve starts it; --url or KUBERNAUT_URL says where it is.`
        })
      : new CommandFailed({
          code: "bad",
          text: `${url} answered ${error.response?.status ?? "something"} that this version does not understand. Is it Kubernaut?`
        })
  }
  const problem = error as { readonly _tag?: string; readonly title?: string; readonly detail?: string }
  const text = [problem.title, problem.detail].filter((part) => part !== undefined).join(": ")
  switch (problem._tag) {
    case "Unauthorized":
    case "Forbidden":
      return new CommandFailed({ code: "permission", text })
    case "Unavailable":
    case "TooManyRequests":
      return new CommandFailed({ code: "unavailable", text })
    default:
      return new CommandFailed({
        code: "bad",
        text: text === "" ? `${url} answered something that this version does not understand.` : text
      })
  }
}

/** Runs a request against the service. */
export const request = <A, E, R>(connection: Connection, use: (client: Client) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(makeClient(connection), use).pipe(
    Effect.mapError((error) => explain(error, connection.url)),
    Effect.provide(FetchHttpClient.layer)
  )
