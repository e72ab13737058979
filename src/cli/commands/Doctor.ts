/** `kubernaut doctor`: checks every dependency of the service once, without changing anything. */

import { NodeHttpClient } from "@effect/platform-node"
import { Effect, FileSystem, Path, Result } from "effect"
import { HttpClient } from "effect/http"
import * as ClusterIdentity from "../../kubernetes/ClusterIdentity.ts"
import { type ConnectionFault, type ConnectionPlace, explainFault } from "../../kubernetes/ConnectionFault.ts"
import { KubernetesClient, type KubernetesError } from "../../kubernetes/KubernetesClient.ts"
import { type Inspection, inspect } from "../../storage/sqlite/Inspection.ts"
import { schemaVersion } from "../../storage/sqlite/Migrations.ts"
import { publicUrl } from "../../telemetry/PublicUrl.ts"
import * as Application from "../Application.ts"
import { readSettings } from "../Edge.ts"
import { CommandFailed } from "../ExitCode.ts"
import { print, table } from "../Output.ts"
import { type Settings, tracesUrl } from "../settings/Settings.ts"
import * as StorageParts from "../StorageParts.ts"
import { rightsFindings } from "./DoctorRights.ts"
import { type Finding, ok } from "./Finding.ts"
import { sinkFindings } from "./NotifyJob.ts"
import { prepare } from "./Serve.ts"

const reasonOf = (error: unknown): string => {
  const { message, reason } = error as { readonly message?: string; readonly reason?: { readonly _tag?: string } }
  return reason?._tag ?? message ?? "failed"
}

const attempt = <E, R>(
  check: string,
  message: string,
  effect: Effect.Effect<unknown, E, R>
): Effect.Effect<Finding, never, R> =>
  effect.pipe(
    Effect.timeout("10 seconds"),
    Effect.match({
      onFailure: (error): Finding => ({ check, result: "failed", message: reasonOf(error) }),
      onSuccess: () => ok(check, message)
    })
  )

/** Checks the database file, which the service may be using. */
export const databaseFinding = Effect.fnUntraced(function* (settings: Settings) {
  const file = StorageParts.databaseFile(settings)
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  if (file === ":memory:")
    return {
      check: "database",
      result: "warning",
      message: "in memory: all data is lost when the service stops"
    } satisfies Finding
  if (!(yield* Effect.orElseSucceed(fileSystem.exists(file), () => false))) {
    // The directory is created at the first start, so the nearest existing parent must be writable.
    let directory = path.dirname(path.resolve(file))
    while (
      directory !== path.dirname(directory)
      && !(yield* Effect.orElseSucceed(fileSystem.exists(directory), () => false))
    )
      directory = path.dirname(directory)
    return yield* attempt(
      "database",
      `${file} will be created at the first start`,
      fileSystem.access(directory, { writable: true })
    )
  }
  return yield* Effect.andThen(fileSystem.access(file, { readable: true, writable: true }), inspect(file)).pipe(
    Effect.match({
      onFailure: (error): Finding => ({ check: "database", result: "failed", message: reasonOf(error) }),
      onSuccess: (found) => describeDatabase(file, found)
    })
  )
})

/** What an existing file is. It is not opened as the service opens it, which would migrate it. */
const describeDatabase = (file: string, found: Inspection): Finding => {
  switch (found._tag) {
    case "Empty":
      return ok("database", `${file} is empty; its tables are created at the first start`)
    case "Foreign":
      return {
        check: "database",
        result: "warning",
        message: `${file} has the tables of another program, and those of Kubernaut would be added: check KUBERNAUT_DATABASE_URL`
      }
    case "Kubernaut":
      return ok(
        "database",
        found.version === schemaVersion
          ? `${file} is readable and writable`
          : `${file} is readable and writable, and has schema version ${found.version}. The next start migrates it to version ${schemaVersion}, which the program that wrote it cannot open: copy it before`
      )
  }
}

/** What is wrong with the connection: the file and the field, and what would be right. */
const explainConnection = (error: KubernetesError, place: ConnectionPlace): string => {
  const { reason } = error
  const { cluster, file, server, user } = place
  const { fault } = reason as { readonly fault?: ConnectionFault }
  if (fault !== undefined) return explainFault(fault, place)
  switch (reason._tag) {
    case "Timeout":
      return `${server}: no response in time. Check the field server of cluster "${cluster}" in ${file}, and the firewalls on the way`
    case "Unauthorized":
      return `${server}: the credentials of user "${user}" in ${file} are rejected`
    case "Unavailable":
      return `${server}: the API server responds, but is not ready${reason.status === undefined ? "" : ` (${reason.status})`}`
    case "Forbidden":
      return `${server}: user "${user}" in ${file} may not read /readyz`
    default:
      return explainFault("not-kubernetes", place)
  }
}

const reachableCluster = Effect.fnUntraced(function* (settings: Settings, client: KubernetesClient["Service"]) {
  const probed = yield* Effect.result(client.probe)
  if (Result.isSuccess(probed)) return ok("cluster", `${settings.clusterName} (${settings.cluster}) is reachable`)
  const place = settings.cluster === "sandbox" ? undefined : yield* Application.clusterPlace(settings)
  const message = place === undefined ? probed.failure.message : explainConnection(probed.failure, place)
  return { check: "cluster", result: "failed", message } satisfies Finding
})

/** Whether the database, if it exists, belongs to this cluster. */
const clusterIdentity = Effect.fnUntraced(function* (settings: Settings, client: KubernetesClient["Service"]) {
  const check = "cluster identity"
  const found = yield* Effect.result(ClusterIdentity.read(client))
  if (Result.isFailure(found))
    return {
      check,
      result: settings.mode === "observe" ? "warning" : "failed",
      message: `the namespace kube-system, whose uid identifies the cluster, cannot be read (${found.failure.reason._tag}), so nothing is written: allow get on namespaces`
    } satisfies Finding
  const file = StorageParts.databaseFile(settings)
  const exists = yield* Effect.flatMap(FileSystem.FileSystem, (fileSystem) =>
    Effect.orElseSucceed(fileSystem.exists(file), () => false)
  )
  // A database that cannot be opened is a finding of its own.
  const bound = exists
    ? yield* inspect(file).pipe(
        Effect.map((inspection) => (inspection._tag === "Kubernaut" ? inspection.cluster : undefined)),
        Effect.orElseSucceed(() => undefined)
      )
    : undefined
  return bound !== undefined && bound !== found.success
    ? ({
        check,
        result: "failed",
        message: new ClusterIdentity.OtherClusterError({ found: found.success, bound }).message
      } satisfies Finding)
    : ok(check, `the uid of namespace kube-system is ${found.success}`)
})

/** What one of several identities may do: after a switch the service has its rights, and no others. */
const findingsAs = (settings: Settings, name: string) =>
  Effect.gen(function* () {
    const client = yield* KubernetesClient
    const probed = yield* Effect.result(client.probe)
    if (Result.isFailure(probed) && probed.failure.reason._tag === "Unauthorized")
      return [
        { check: `identity ${name}`, result: "failed", message: "the API server rejects its credentials" }
      ] satisfies ReadonlyArray<Finding>
    const findings = yield* rightsFindings(settings, client)
    return findings.map((finding): Finding => ({ ...finding, check: `${finding.check} as ${name}` }))
  }).pipe(Effect.provide(Application.clusterAs(settings, name)))

/** What each identity may do that the service may have to use. */
const everyIdentity = Effect.fnUntraced(function* (settings: Settings) {
  const { context } = yield* Application.clusterPlace(settings)
  const names = [...new Set([context, ...settings.clusterIdentities])]
  return (yield* Effect.forEach(names, (name) => findingsAs(settings, name))).flat()
})

/** Checks the connection, the identity of the cluster, and the permissions of every listed identity. */
export const clusterFindings = (settings: Settings) =>
  Effect.gen(function* () {
    const client = yield* KubernetesClient
    const reachable = yield* reachableCluster(settings, client)
    if (reachable.result !== "ok") return [reachable]
    const identity = yield* clusterIdentity(settings, client)
    const hasOthers = settings.cluster !== "sandbox" && settings.clusterIdentities.length > 0
    const rights = hasOthers ? yield* everyIdentity(settings) : yield* rightsFindings(settings, client)
    return [reachable, identity, ...rights]
  }).pipe(
    Effect.provide(Application.cluster(settings)),
    Effect.catch((error) =>
      Effect.succeed<ReadonlyArray<Finding>>([{ check: "cluster", result: "failed", message: error.message }])
    )
  )

const reachableHttp = (check: string, url: string) =>
  attempt(
    check,
    `${publicUrl(url)} is reachable`,
    Effect.flatMap(HttpClient.HttpClient, (client) => client.get(url))
  )

/** Asks for what the service will ask for: a server that refuses it is as good as none, though it responds. */
const asked = Effect.fnUntraced(function* (check: string, url: string, path: string, otherwise: string) {
  const address = `${url.replace(/\/+$/, "")}${path}`
  const client = yield* HttpClient.HttpClient
  let status = 0
  const found = yield* attempt(
    check,
    `${publicUrl(url)} is reachable`,
    Effect.map(client.get(address), (response) => void (status = response.status))
  )
  return found.result !== "ok" || (status >= 200 && status < 300)
    ? found
    : ({
        check,
        result: "failed",
        message: `${publicUrl(address)} answers ${status}, so ${otherwise}`
      } satisfies Finding)
})

export const alertmanagerFinding = (url: string) =>
  asked(
    "alertmanager",
    url,
    "/api/v2/status",
    "it cannot be asked whether an alert still fires: check KUBERNAUT_ALERTMANAGER_URL, and what the server requires"
  )

const prometheusFinding = (url: string) =>
  asked(
    "prometheus",
    url,
    "/api/v1/query?query=vector(1)",
    "models get no metrics: check KUBERNAUT_PROMETHEUS_URL, and what the server requires"
  )

const models = Effect.fnUntraced(function* (settings: Settings) {
  const investigators = [
    ...(yield* Application.holmesgptInvestigator(settings)),
    ...(yield* Effect.forEach(settings.llmProviders, (provider) => Application.llmInvestigator(provider)))
  ]
  if (investigators.length === 0)
    return [
      {
        check: "models",
        result: "warning",
        message: "no model is configured: investigations use the rules only"
      } satisfies Finding
    ]
  return yield* Effect.forEach(
    investigators,
    ({ name, probe, provider }) =>
      attempt(provider === undefined ? name : `${name} ${provider}`, "is reachable", probe ?? Effect.void),
    {
      concurrency: 4
    }
  )
})

/** Runs all checks, even if some of them fail. */
export const examine = Effect.fnUntraced(function* (settings: Settings) {
  const { rules, tokens } = yield* prepare(settings)
  const traces = tracesUrl(settings)
  return [
    ok(
      "configuration",
      `mode ${settings.mode}, ${tokens === undefined ? "no tokens, loopback only" : `${tokens.length} tokens`}`
    ),
    ...settings.warnings.map(({ key, message }): Finding => ({ check: key, result: "warning", message })),
    ok("rulebook", `${rules.length} rules`),
    yield* databaseFinding(settings),
    ...(yield* clusterFindings(settings)),
    ...(yield* models(settings)),
    ...(settings.alertmanagerUrl === undefined ? [] : [yield* alertmanagerFinding(settings.alertmanagerUrl)]),
    ...(settings.prometheusUrl === undefined ? [] : [yield* prometheusFinding(settings.prometheusUrl)]),
    ...(yield* sinkFindings(settings)),
    ...(traces === undefined ? [] : [yield* reachableHttp("traces", traces)])
  ] satisfies ReadonlyArray<Finding>
}, Effect.provide(NodeHttpClient.layerUndici))

const signs = { ok: "ok", warning: "warning", failed: "FAILED" } as const

/** Implements `kubernaut doctor`. */
export const report = Effect.gen(function* () {
  const findings = yield* examine(yield* readSettings)
  yield* print({ findings }, () => table(findings.map(({ check, message, result }) => [signs[result], check, message])))
  const failed = findings.filter(({ result }) => result === "failed")
  if (failed.length > 0)
    return yield* new CommandFailed({
      code: "bad",
      text: `${failed.length === 1 ? "One check" : `${failed.length} checks`} failed: ${failed.map(({ check }) => check).join(", ")}.`
    })
})
