/**
 * Authentication and authorization by bearer tokens. Each token has a name and a role.
 *
 * | role       | may                                                                |
 * | ---------- | ------------------------------------------------------------------ |
 * | `source`   | post alerts                                                        |
 * | `viewer`   | read everything                                                    |
 * | `operator` | do all of the above, approve and reject actions, override breakers |
 *
 * Only the SHA-256 digest of a token is kept. Each request compares its digest with all known digests in constant time,
 * so response times reveal nothing about the tokens.
 *
 * A service without tokens, which the configuration allows on loopback only, treats every request as the operator
 * `anonymous`. To protect it from web pages in the user's browser, requests from other origins and requests for a
 * foreign host name are refused.
 */

import { hash, timingSafeEqual } from "node:crypto"
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
  /** Absent: every request is the operator `anonymous`. */
  readonly tokens?: ReadonlyArray<Token>
}

/** The principal of the current request. */
export class CurrentPrincipal extends Context.Service<CurrentPrincipal, Principal>()(
  "kubernaut/http/Authentication/CurrentPrincipal"
) {}

/** The role that an endpoint requires, as an annotation of the endpoint. */
export class RequiredRole extends Context.Service<RequiredRole, Role>()("kubernaut/http/Authentication/RequiredRole") {}

export const permits = (role: Role, required: Role): boolean => role === required || role === "operator"

/** Returns a function that finds the principal of a token. */
export const verifier = (tokens: ReadonlyArray<Token>): ((token: string) => Principal | undefined) => {
  const digest = (token: string) => hash("sha256", token, "buffer")
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

/** Why a service without tokens refuses a request with these headers; `undefined` if it does not. */
export const foreign = (headers: Readonly<Record<string, string | undefined>>): string | undefined => {
  const { host, origin } = headers
  if (host !== undefined && !loopbackHost.test(host)) {
    return "This service has no tokens, so it accepts requests for localhost or 127.0.0.1 only. To use another host name, set KUBERNAUT_TOKENS_FILE."
  }
  const site = headers["sec-fetch-site"]
  if (site === "cross-site" || site === "same-site" || (origin !== undefined && URL.parse(origin)?.host !== host)) {
    return "Requests from pages of other sites are refused."
  }
  return undefined
}

const anonymous: Principal = { name: "anonymous", role: "operator" }

type Headers = Readonly<Record<string, string | undefined>>

/**
 * Returns a function that authenticates a request and checks its role. It returns the principal, or the problem to
 * respond with.
 */
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
        detail: token === "" ? "Send the header Authorization: Bearer <token>." : "The token is unknown."
      })
    }
    return permits(principal.role, required)
      ? principal
      : new Forbidden({
          detail: `${principal.name} has the role ${principal.role}; this request requires the role ${required}.`
        })
  }
}

export class Authentication extends HttpApiMiddleware.Service<
  Authentication,
  { provides: CurrentPrincipal; requires: never }
>()("kubernaut/http/Authentication", {
  security: { bearer: HttpApiSecurity.bearer },
  error: [Unauthorized, Forbidden]
}) {}

/** Checks requests against the role that their endpoint requires: `operator` by default. */
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
