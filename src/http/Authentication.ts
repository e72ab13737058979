/**
 * Who asks, and whether he may: bearer tokens with a name and a role.
 *
 * | role       | may                                                        |
 * | ---------- | ---------------------------------------------------------- |
 * | `source`   | post alerts                                                |
 * | `viewer`   | read everything                                            |
 * | `operator` | all of that, approve and reject, and take breakers by hand |
 *
 * Only the SHA-256 of a token is kept, and digests are compared in constant time, all of them at every request, so that
 * the time of an answer tells nothing about any token. Without tokens (only on loopback, which the configuration makes
 * sure of) everybody is the operator `anonymous`. Then a browser is the danger: requests that a page of another site
 * makes, or that reach us under a foreign host name, are refused.
 */

import { createHash, timingSafeEqual } from "node:crypto"
import { Context, Effect, Layer, Redacted } from "effect"
import { HttpServerRequest } from "effect/http"
import { HttpApiMiddleware, HttpApiSecurity } from "effect/http-api"
import { failing, Forbidden, Unauthorized } from "./problems/Problem.ts"

export type Role = "source" | "viewer" | "operator"

export interface Principal {
  readonly name: string
  readonly role: Role
}

export interface Token extends Principal {
  readonly token: Redacted.Redacted
}

export interface AuthenticationOptions {
  /** Absent: everybody is the operator `anonymous`. */
  readonly tokens?: ReadonlyArray<Token>
}

/** The principal of the request at hand. */
export class CurrentPrincipal extends Context.Service<CurrentPrincipal, Principal>()(
  "kubernaut/http/Authentication/CurrentPrincipal"
) {}

/** The role that an endpoint asks for, as an annotation of it. */
export class RequiredRole extends Context.Service<RequiredRole, Role>()("kubernaut/http/Authentication/RequiredRole") {}

export const permits = (role: Role, required: Role): boolean => role === required || role === "operator"

/** Answers the principal of a token, or `undefined`. */
export const verifier = (tokens: ReadonlyArray<Token>): ((token: string) => Principal | undefined) => {
  const digest = (token: string) => createHash("sha256").update(token).digest()
  const known = tokens.map(({ name, role, token }) => ({
    principal: { name, role },
    digest: digest(Redacted.value(token))
  }))
  return (token) => {
    const given = digest(token)
    let found: Principal | undefined
    for (const candidate of known) if (timingSafeEqual(candidate.digest, given)) found = candidate.principal
    return found
  }
}

const loopbackHost = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i

/** Why a request on a service without tokens is refused, by its headers; `undefined` where it is not. */
export const foreign = (headers: Readonly<Record<string, string | undefined>>): string | undefined => {
  const { host, origin } = headers
  if (host !== undefined && !loopbackHost.test(host)) {
    return "This service has no tokens and answers only under localhost or 127.0.0.1. Set KUBERNAUT_TOKENS_FILE to reach it by another name."
  }
  const site = headers["sec-fetch-site"]
  if (site === "cross-site" || site === "same-site" || (origin !== undefined && URL.parse(origin)?.host !== host)) {
    return "Pages of other sites may not use this service."
  }
  return undefined
}

const anonymous: Principal = { name: "anonymous", role: "operator" }

type Headers = Readonly<Record<string, string | undefined>>

/** The check itself: the principal of a request, or why there is none. */
export const authenticator = (
  options: AuthenticationOptions
): ((headers: Headers, required: Role) => Principal | Unauthorized | Forbidden) => {
  if (options.tokens === undefined) {
    return (headers) => {
      const reason = foreign(headers)
      return reason === undefined ? anonymous : new Forbidden({ detail: reason })
    }
  }
  const verify = verifier(options.tokens)
  return (headers, required) => {
    const [, token = ""] = /^bearer +(.*)$/i.exec(headers["authorization"] ?? "") ?? []
    const principal = verify(token)
    if (principal === undefined) {
      return new Unauthorized({
        detail: token === "" ? "Send Authorization: Bearer and a token." : "The token is not known here."
      })
    }
    return permits(principal.role, required)
      ? principal
      : new Forbidden({ detail: `${principal.name} has the role ${principal.role}; this needs ${required}.` })
  }
}

export class Authentication extends HttpApiMiddleware.Service<
  Authentication,
  { provides: CurrentPrincipal; requires: never }
>()("kubernaut/http/Authentication", {
  security: { bearer: HttpApiSecurity.bearer },
  error: [Unauthorized, Forbidden]
}) {}

/** Checks every endpoint of `HttpApi` against the role in its annotations; `operator` where it has none. */
export const layer = (options: AuthenticationOptions): Layer.Layer<Authentication> => {
  const authenticate = authenticator(options)
  return Layer.succeed(Authentication, {
    bearer: (handler, { endpoint }) =>
      HttpServerRequest.HttpServerRequest.pipe(
        Effect.flatMap(({ headers }) => {
          const found = authenticate(
            headers,
            Context.getOrElse(endpoint.annotations, RequiredRole, () => "operator")
          )
          return "role" in found ? Effect.succeed(found) : failing(found)
        }),
        Effect.flatMap((principal) => Effect.provideService(handler, CurrentPrincipal, principal))
      )
  })
}
