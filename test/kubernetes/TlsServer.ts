/**
 * API servers on loopback that speak TLS, and how kubeconfigs reach them. The certificates in `tls/` are for tests
 * only: nothing trusts their CA, whose key was thrown away.
 */

import { readFileSync } from "node:fs"
import * as http from "node:http"
import * as https from "node:https"
import type { AddressInfo } from "node:net"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import { json, status } from "./FakeApiServer.ts"

/** The path of a file in `tls/`. */
export const tlsFile = (name: string): string => fileURLToPath(new URL(`tls/${name}`, import.meta.url))

type Certificate = "server.pem" | "other-name.pem" | "expired.pem"

const answer: http.RequestListener = (request, response) => {
  if (request.url === "/readyz") response.end("ok")
  else if (request.url?.startsWith("/api/v1/namespaces/kube-system") === true)
    json(response, 200, { metadata: { name: "kube-system", uid: "uid-of-the-cluster", resourceVersion: "1" } })
  else if (request.url?.endsWith("/selfsubjectaccessreviews") === true)
    json(response, 201, { status: { allowed: true } })
  else if (request.url?.endsWith("/selfsubjectrulesreviews") === true)
    json(response, 201, { status: { resourceRules: [], nonResourceRules: [], incomplete: false } })
  else if (request.method === "GET") json(response, 200, { items: [], metadata: {} })
  else json(response, 404, status(404, "NotFound"))
}

const listen = (server: http.Server | https.Server) =>
  Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as AddressInfo).port)))
    }),
    () =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  )

/** The port of a server that presents a certificate, and asks for one if `clientCa` is given. */
export const tlsServer = (certificate: Certificate = "server.pem", listener = answer, clientCa?: string) =>
  listen(
    https.createServer(
      {
        cert: readFileSync(tlsFile(certificate)),
        key: readFileSync(tlsFile("server-key.pem")),
        ...(clientCa === undefined
          ? {}
          : { ca: readFileSync(tlsFile(clientCa)), requestCert: true, rejectUnauthorized: true })
      },
      listener
    )
  )

/** The port of a server that speaks plain HTTP. */
export const plainServer = (listener = answer) => listen(http.createServer(listener))
