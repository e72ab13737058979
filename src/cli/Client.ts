/** The typed client of a running service, configured by `--url` and `--token` or `KUBERNAUT_URL` and `KUBERNAUT_TOKEN`. */

import { Config, Effect, Option, type Redacted, Schema } from "effect"
import { Flag } from "effect/cli"
import { FetchHttpClient, HttpClient, HttpClientError, HttpClientRequest } from "effect/http"
import { HttpApiClient } from "effect/http-api"
import { differenceLines, type ReviewDifference } from "../domain/Review.ts"
import { Api } from "../http/Api.ts"
import { publicUrl } from "../telemetry/PublicUrl.ts"
import { CommandFailed } from "./ExitCode.ts"

export const connection = {
  url: Flag.String("url").pipe(
    Flag.withDescription("URL of the service. Environment variable: KUBERNAUT_URL"),
    Flag.withFallbackConfig(Config.String("KUBERNAUT_URL")),
    Flag.withDefault("http://127.0.0.1:8080")
  ),
  token: Flag.Redacted("token").pipe(
    Flag.withDescription(
      "Bearer token. Prefer the environment variable KUBERNAUT_TOKEN: other users can see command lines"
    ),
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

/** An approval that was refused because of what has changed, with one line for each difference. */
const changedText = (difference: ReviewDifference, question: number | undefined): string | undefined => {
  const lines = differenceLines(difference)
  if (lines.length === 0) return undefined
  return [
    "The approval was not used, because this is no longer what was shown:",
    ...lines.map((line) => `  - ${line}`),
    ...(question === undefined
      ? []
      : [`Question ${question} is asked now. See kubernaut reviews, and answer it with --question ${question}.`])
  ].join("\n")
}

/** Converts the error of a request to a message and an exit code. */
export const explain = (error: unknown, url: string): CommandFailed => {
  if (Schema.is(CommandFailed)(error)) return error
  if (HttpClientError.isHttpClientError(error)) {
    return error.reason._tag === "TransportError"
      ? new CommandFailed({
          code: "unavailable",
          text: `Cannot reach ${url}. Check that the service is running (kubernaut serve), and set its URL with --url or KUBERNAUT_URL.`
        })
      : new CommandFailed({
          code: "bad",
          text: `${url} returned an unexpected response${error.response === undefined ? "" : ` with status ${error.response.status}`}. Check that it is a Kubernaut service of this version.`
        })
  }
  const problem = error as {
    readonly _tag?: string
    readonly title?: string
    readonly detail?: string
    readonly question?: number
    readonly difference?: ReviewDifference
  }
  const text =
    (problem.difference && changedText(problem.difference, problem.question))
    ?? [problem.title, problem.detail].filter((part) => part !== undefined).join(": ")
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
        text:
          text === ""
            ? `${url} returned an unexpected response. Check that it is a Kubernaut service of this version.`
            : text
      })
  }
}

/** Sends a request to the service. */
export const request = <A, E, R>(connection: Connection, use: (client: Client) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(makeClient(connection), use).pipe(
    Effect.mapError((error) => explain(error, publicUrl(connection.url))),
    Effect.provide(FetchHttpClient.layer)
  )
