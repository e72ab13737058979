/** What `doctor` says about a connection that does not work. */

import { readFileSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { NodeHttpClient, NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, type Scope } from "effect"
import { alertmanagerFinding, clusterFindings, databaseFinding } from "../../../src/cli/commands/Doctor.ts"
import { parse } from "../../../src/cli/settings/Configuration.ts"
import { ClusterBinding } from "../../../src/storage/ClusterBinding.ts"
import * as Storage from "../../../src/storage/Storage.ts"
import { kubeconfigFor } from "../../kubernetes/FakeApiServer.ts"
import { plainServer, tlsFile, tlsServer } from "../../kubernetes/TlsServer.ts"

const settingsOf = (database: string, identities = "") =>
  Result.getOrThrow(
    parse({
      environment: {
        KUBERNAUT_CLUSTER: "kubeconfig",
        KUBERNAUT_DATABASE_URL: database,
        ...(identities === "" ? {} : { KUBERNAUT_CLUSTER_IDENTITIES: identities })
      },
      terminal: false
    })
  )

/** The findings about the cluster that the kubeconfig leads to. */
const findingsOf = (kubeconfig: string, database = "sqlite::memory:", identities = "") =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const before = process.env["KUBECONFIG"]
      process.env["KUBECONFIG"] = kubeconfig
      return before
    }),
    () => clusterFindings(settingsOf(database, identities)),
    (before) =>
      Effect.sync(() => {
        if (before === undefined) delete process.env["KUBECONFIG"]
        else process.env["KUBECONFIG"] = before
      })
  ).pipe(Effect.provide(NodeServices.layer))

const ca = { "certificate-authority": tlsFile("ca.pem") }
const plugin = (command: string, args: ReadonlyArray<string> = []) => ({
  exec: { apiVersion: "client.authentication.k8s.io/v1", command, args, interactiveMode: "Never" }
})

interface Case {
  readonly what: string
  readonly cluster: Effect.Effect<Record<string, unknown>, never, Scope.Scope>
  readonly user?: Record<string, unknown>
  /** What the finding says besides the name of the file. */
  readonly said: ReadonlyArray<string>
}

const at = (port: number, scheme = "https", host = "127.0.0.1") => `${scheme}://${host}:${port}`

const cases: ReadonlyArray<Case> = [
  {
    what: "the CA of another cluster",
    cluster: Effect.map(tlsServer(), (port) => ({
      server: at(port),
      "certificate-authority": tlsFile("other-ca.pem")
    })),
    said: [`certificate-authority (${tlsFile("other-ca.pem")})`, "not signed by the configured CA"]
  },
  {
    what: "no CA",
    cluster: Effect.map(tlsServer(), (port) => ({ server: at(port) })),
    said: ["certificate-authority", "is missing"]
  },
  {
    what: "a CA file that does not exist",
    cluster: Effect.succeed({ server: at(1), "certificate-authority": "/no/such/ca.crt" }),
    said: ["certificate-authority (/no/such/ca.crt)", "cannot be read"]
  },
  {
    what: "a server name that the certificate does not have",
    cluster: Effect.map(tlsServer("other-name.pem"), (port) => ({ server: at(port), ...ca })),
    said: ["field server", "for other names", "tls-server-name"]
  },
  {
    what: "a wrong tls-server-name",
    cluster: Effect.map(tlsServer(), (port) => ({ server: at(port), ...ca, "tls-server-name": "wrong.example" })),
    said: ["tls-server-name (wrong.example)", "for other names"]
  },
  {
    what: "an expired certificate",
    cluster: Effect.map(tlsServer("expired.pem"), (port) => ({ server: at(port), ...ca })),
    said: ["expired"]
  },
  {
    what: "plain HTTP to a server that speaks TLS",
    cluster: Effect.map(tlsServer(), (port) => ({ server: at(port, "http"), "insecure-skip-tls-verify": true })),
    said: ["field server", "https://", "plain HTTP"]
  },
  {
    what: "plain HTTP to an API server, which answers with 400",
    cluster: Effect.map(
      plainServer((_, response) => {
        response.writeHead(400)
        response.end("Client sent an HTTP request to an HTTPS server.\n")
      }),
      (port) => ({ server: at(port, "http"), "insecure-skip-tls-verify": true })
    ),
    said: ["field server", "https://", "plain HTTP"]
  },
  {
    what: "TLS to a server that speaks plain HTTP",
    cluster: Effect.map(plainServer(), (port) => ({ server: at(port), ...ca })),
    said: ["field server", "does not speak TLS"]
  },
  {
    what: "a proxy that does not run",
    cluster: Effect.map(tlsServer(), (port) => ({
      server: at(port),
      ...ca,
      "proxy-url": "http://user:hunter2@127.0.0.1:1"
    })),
    said: ["proxy-url (http://127.0.0.1:1)", "proxy"]
  },
  {
    what: "a proxy that refuses to connect",
    cluster: Effect.gen(function* () {
      const proxy = yield* plainServer()
      return { server: at(yield* tlsServer()), ...ca, "proxy-url": at(proxy, "http") }
    }),
    said: ["proxy-url", "proxy"]
  },
  {
    what: "an address where nothing listens",
    cluster: Effect.succeed({ server: at(1), ...ca }),
    said: ["field server", "nothing listens"]
  },
  {
    what: "a name that cannot be resolved",
    cluster: Effect.succeed({ server: "https://no-such-host.invalid:6443", ...ca }),
    said: ["field server", "cannot be resolved"]
  },
  {
    what: "a server that is no API server",
    cluster: Effect.map(
      plainServer((_, response) => {
        response.writeHead(404, { "content-type": "text/html" })
        response.end("<html>hunter2</html>")
      }),
      (port) => ({ server: at(port, "http"), "insecure-skip-tls-verify": true })
    ),
    said: ["field server", "not that of a Kubernetes API server"]
  },
  {
    what: "rejected credentials",
    cluster: Effect.map(
      plainServer((_, response) => {
        response.writeHead(401)
        response.end("hunter2")
      }),
      (port) => ({ server: at(port, "http"), "insecure-skip-tls-verify": true })
    ),
    said: ['credentials of user "u"', "rejected"]
  },
  {
    what: "a missing client certificate",
    cluster: Effect.map(tlsServer("server.pem", undefined, "other-ca.pem"), (port) => ({ server: at(port), ...ca })),
    said: ["client-certificate", '"u"']
  },
  {
    what: "a file of a client certificate that does not exist",
    cluster: Effect.map(tlsServer(), (port) => ({ server: at(port), ...ca })),
    user: { "client-certificate": "/no/such.crt", "client-key": "/no/such.key" },
    said: ["credentials cannot be read", '"u"']
  },
  {
    what: "a credential plugin that does not exist",
    cluster: Effect.map(tlsServer(), (port) => ({ server: at(port), ...ca })),
    user: plugin("no-such-plugin"),
    said: ["exec.command (no-such-plugin)", "cannot be started"]
  },
  {
    what: "a credential plugin that fails",
    cluster: Effect.map(tlsServer(), (port) => ({ server: at(port), ...ca })),
    user: plugin("sh", ["-c", "echo hunter2 >&2; exit 3"]),
    said: ["exec.command (sh)", "ended with an error"]
  },
  {
    what: "a credential plugin that returns something else",
    cluster: Effect.map(tlsServer(), (port) => ({ server: at(port), ...ca })),
    user: plugin("echo", ["hunter2"]),
    said: ["exec.command (echo)", "no credential"]
  }
]

describe("doctor", () => {
  for (const { cluster, said, user, what } of cases)
    it.live(`names the file and the field for ${what}`, () =>
      Effect.gen(function* () {
        const kubeconfig = yield* kubeconfigFor(yield* cluster, user ?? { token: "hunter2" })
        const findings = yield* findingsOf(kubeconfig)
        assert.deepStrictEqual(
          findings.map(({ check, result }) => [check, result]),
          [["cluster", "failed"]]
        )
        for (const each of [kubeconfig, ...said]) assert.include(findings[0]?.message, each)
        assert.notInclude(findings[0]?.message, "hunter2")
      }).pipe(Effect.scoped)
    )

  it.live("finds nothing wrong with a connection that works, and names the identity of the cluster", () =>
    Effect.gen(function* () {
      const kubeconfig = yield* kubeconfigFor({ server: at(yield* tlsServer()), ...ca }, { token: "t" })
      const findings = yield* findingsOf(kubeconfig)
      assert.deepStrictEqual(
        findings.map(({ check, result }) => `${check} ${result}`),
        [
          "cluster ok",
          "cluster identity ok",
          "cluster reads ok",
          "cluster writes ok",
          "cluster rights ok",
          "change journal ok"
        ]
      )
      assert.include(findings[1]?.message, "uid-of-the-cluster")
    }).pipe(Effect.scoped)
  )

  it.live("checks the rights of every listed identity, and names one that is rejected", () =>
    Effect.gen(function* () {
      const port = yield* plainServer((request, response) => {
        const token = request.headers.authorization?.replace("Bearer ", "")
        if (token === "gone") {
          response.writeHead(401).end()
          return
        }
        const status = request.url?.includes("selfsubjectrulesreviews")
          ? { resourceRules: [], nonResourceRules: [], incomplete: false }
          : { allowed: token === "t" }
        response.writeHead(200, { "content-type": "application/json" })
        response.end(JSON.stringify({ metadata: { name: "kube-system", uid: "u" }, status }))
      })
      const kubeconfig = yield* kubeconfigFor(
        { server: at(port, "http"), "insecure-skip-tls-verify": true },
        { token: "t" }
      )
      for (const name of ["weak", "gone"]) writeFileSync(`${kubeconfig}.${name}`, name)
      const [weak, gone] = [`file:${kubeconfig}.weak`, `file:${kubeconfig}.gone`]
      const findings = yield* findingsOf(kubeconfig, undefined, `${weak},${gone}`)
      const saying = findings.map(({ check, result }) => `${check} ${result}`)
      for (const line of [`cluster reads as ${weak} failed`, `identity ${gone} failed`]) assert.include(saying, line)
      assert.isTrue(saying.some((line) => /^cluster reads as (?!file:).* ok$/.test(line)))
    }).pipe(Effect.scoped)
  )

  it.live("finds a database that belongs to another cluster", () =>
    Effect.gen(function* () {
      const kubeconfig = yield* kubeconfigFor({ server: at(yield* tlsServer()), ...ca }, { token: "t" })
      const file = `${kubeconfig}.db`
      yield* Effect.flatMap(ClusterBinding, (binding) => binding.bind("uid-of-another")).pipe(
        Effect.provide(Storage.layerSqlite({ filename: file }))
      )
      const findings = yield* findingsOf(kubeconfig, `sqlite:${file}`)
      assert.strictEqual(findings[1]?.result, "failed")
      assert.include(findings[1]?.message, "uid-of-another")
    }).pipe(Effect.scoped)
  )

  it.live("leaves a database of an earlier version to the program that uses it", () =>
    Effect.gen(function* () {
      const kubeconfig = yield* kubeconfigFor({ server: at(yield* tlsServer()), ...ca }, { token: "t" })
      const file = `${kubeconfig}.db`
      const database = new DatabaseSync(file)
      database.exec(readFileSync(join(import.meta.dirname, "../../storage/sqlite/version1.sql"), "utf8"))
      database.close()
      const before = readFileSync(file)
      const settings = settingsOf(`sqlite:${file}`)
      const finding = yield* databaseFinding(settings).pipe(Effect.provide(NodeServices.layer))
      assert.strictEqual(finding.result, "ok")
      assert.include(finding.message, "has schema version 1")
      assert.strictEqual((yield* findingsOf(kubeconfig, `sqlite:${file}`))[1]?.result, "ok")
      assert.deepStrictEqual(readFileSync(file), before)
    }).pipe(Effect.scoped)
  )
})

describe("doctor, about Alertmanager", () => {
  const answering = (status: number) =>
    Effect.map(
      Effect.acquireRelease(
        Effect.callback<Server>((resume) => {
          const server = createServer((_request, response) => response.writeHead(status).end("{}"))
          server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close())
      ),
      (server) => `http://user:secret@127.0.0.1:${(server.address() as AddressInfo).port}`
    )

  it.effect.each([200, 401, 404, 502])("that answers %i", (status) =>
    Effect.gen(function* () {
      const { message, result } = yield* alertmanagerFinding(yield* answering(status))
      assert.strictEqual(result, status === 200 ? "ok" : "failed")
      if (status !== 200) assert.match(message, new RegExp(`answers ${status}, so it cannot be asked`))
      assert.notInclude(message, "secret")
    }).pipe(Effect.provide(NodeHttpClient.layerUndici))
  )
})
