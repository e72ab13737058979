/**
 * The API while the database cannot be opened: its status, and a 503 with the reason for every other route.
 *
 * Alerts are received by `AlertRoute` as always. What holds then is what level 3 says: nothing is investigated and
 * nothing is decided. No part of the service that acts has been started, so there is nothing to stop.
 */

import { Context, Effect, Layer } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { capabilities } from "../../domain/DegradationLevel.ts"
import type { Api } from "../Api.ts"
import { type AuthenticationOptions, authenticator, RequiredRole } from "../Authentication.ts"
import { toResponse, Unavailable } from "../problems/Problem.ts"
import { type Component, Status } from "../Responses.ts"
import type { StatusOptions } from "./StatusHandlers.ts"

/** What the service waits for. */
export interface WaitingRoutesOptions extends AuthenticationOptions, StatusOptions {
  /** Why the database cannot be opened. */
  readonly because: Effect.Effect<string>
  readonly components: Effect.Effect<ReadonlyArray<Component>>
}

const level = 3

/** How often the opening is tried again is less than that. */
const retryAfterSeconds = 5

const responds = HttpServerResponse.schemaJson(Status)

const status = ({ because, clusterName, components, mode, version }: WaitingRoutesOptions) =>
  Effect.gen(function* () {
    return yield* responds({
      level,
      reasons: [
        `the database cannot be opened, so nothing is worked on: ${yield* because}`,
        "whether an operator has stopped all actions could not be read"
      ],
      capabilities: capabilities(level),
      components: yield* components,
      health: [],
      version,
      cluster: clusterName,
      mode
    })
    // It is made of our own values.
  }).pipe(Effect.orDie)

/** An order that is only in memory would be gone after a restart, so it is refused. */
const orders: ReadonlySet<string> = new Set(["/api/v1/emergency-stop", "/api/v1/emergency"])

const refusal = (path: string, because: string): Unavailable =>
  new Unavailable({
    detail: `The database cannot be opened: ${because}. Until it is, alerts are accepted only, and no action can start.${
      orders.has(path)
        ? " The order was not stored. Give it when the database is open, or restart Kubernaut with KUBERNAUT_MODE=observe."
        : ""
    }`,
    retryAfterSeconds
  })

/** The routes of the API, except the one that receives alerts. */
export const layer = (api: typeof Api, options: WaitingRoutesOptions) => {
  const authenticate = authenticator(options)
  const endpoints = Object.values(api.groups)
    .flatMap((group) => Object.values(group.endpoints))
    .filter(({ path }) => path !== "/api/v1/alerts")
  return Layer.mergeAll(
    Layer.empty,
    ...endpoints.map(({ annotations, method, path }) => {
      const role = Context.getOrElse(annotations, RequiredRole, () => "operator" as const)
      return HttpRouter.add(
        method,
        path as HttpRouter.PathInput,
        Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers }) => {
          const principal = authenticate(headers, role)
          if (!("role" in principal)) return Effect.succeed(toResponse(principal))
          return path === "/api/v1/status"
            ? status(options)
            : Effect.map(options.because, (because) => toResponse(refusal(path, because)))
        })
      )
    })
  )
}
