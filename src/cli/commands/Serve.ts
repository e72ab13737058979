/** `kubernaut serve`: reads the settings, starts the service, logs its configuration, and stops it gracefully. */

import { createSecureContext } from "node:tls"
import { NodeHttpClient } from "@effect/platform-node"
import { Effect, FileSystem, Layer, Record, Redacted } from "effect"
import type { HttpServer } from "effect/http"
import * as HolmesGptInvestigator from "../../investigation/models/HolmesGptInvestigator.ts"
import { load as loadRulebook, resolve as resolveRulebook, standard } from "../../investigation/rules/Rulebook.ts"
import type { StorageError } from "../../storage/StorageError.ts"
import * as Logging from "../../telemetry/Logging.ts"
import * as OtlpExporter from "../../telemetry/OtlpExporter.ts"
import { publicUrl } from "../../telemetry/PublicUrl.ts"
import * as Tracing from "../../telemetry/Tracing.ts"
import * as Application from "../Application.ts"
import { isTerminal, readSettings, writeError } from "../Edge.ts"
import { CommandFailed } from "../ExitCode.ts"
import { ConfigurationError, modelsOf } from "../settings/Configuration.ts"
import { type Settings, tracesProtocol, tracesUrl } from "../settings/Settings.ts"
import * as TokensFile from "../settings/TokensFile.ts"
import * as StorageParts from "../StorageParts.ts"
import * as StorageStart from "../StorageStart.ts"
import { version } from "../Version.ts"

/** The effective rules: the operator's rulebook, extending or replacing the built-in rules. */
export const readRules = (settings: Settings) =>
  settings.rulebook === undefined ? Effect.flatMap(standard, resolveRulebook) : loadRulebook(settings.rulebook)

const readTls = Effect.fnUntraced(function* ({ tlsCert, tlsKey }: Settings) {
  if (tlsCert === undefined || tlsKey === undefined) return {}
  const fileSystem = yield* FileSystem.FileSystem
  const read = (key: string, path: string) =>
    Effect.mapError(
      fileSystem.readFileString(path),
      () => new ConfigurationError({ problems: [{ key, at: path, message: "cannot read the file" }] })
    )
  const tls = { cert: yield* read("KUBERNAUT_TLS_CERT", tlsCert), key: yield* read("KUBERNAUT_TLS_KEY", tlsKey) }
  // OpenSSL's message may quote the file, so it is not passed on.
  yield* Effect.try({
    try: () => createSecureContext(tls),
    catch: () =>
      new ConfigurationError({
        problems: [
          {
            key: "KUBERNAUT_TLS_CERT",
            message: "expected a certificate in PEM format whose private key is in KUBERNAUT_TLS_KEY"
          }
        ]
      })
  })
  return { tls }
})

const checkHolmesgptKey = ({ holmesgptApiKeyFile: path }: Settings) =>
  path === undefined
    ? Effect.void
    : Effect.mapError(
        HolmesGptInvestigator.apiKeyOfFile(path),
        () =>
          new ConfigurationError({
            problems: [
              { key: "KUBERNAUT_HOLMESGPT_API_KEY_FILE", at: path, message: "cannot read a key from the file" }
            ]
          })
      )

/** The fault injection that the settings request, if any. */
export const faultInjection = (settings: Settings) =>
  settings.faultInjection.length === 0
    ? Effect.succeed({})
    : Effect.promise(() => import("../../simulation/injection/FaultInjection.ts")).pipe(
        Effect.flatMap(({ make }) =>
          make({ requested: settings.faultInjection, seed: settings.faultSeed, models: modelsOf(settings) })
        ),
        Effect.map((faultInjection) => ({ faultInjection }))
      )

/** Reads and checks every input before the service starts. */
export const prepare = Effect.fnUntraced(function* (settings: Settings) {
  const rules = yield* readRules(settings).pipe(
    Effect.mapError(
      (error) => new ConfigurationError({ problems: [{ key: "KUBERNAUT_RULEBOOK", message: error.message }] })
    )
  )
  yield* checkHolmesgptKey(settings)
  const tokens = settings.tokensFile === undefined ? {} : { tokens: yield* TokensFile.load(settings.tokensFile) }
  return {
    settings,
    rules,
    ...tokens,
    ...(yield* readTls(settings)),
    ...(yield* faultInjection(settings))
  } satisfies Application.Prepared
})

/** What the settings say about the origin of every span. Blank attributes count as unset. */
export const resource = ({
  clusterName,
  otelResourceAttributes: attributes,
  otelServiceName
}: Settings): Pick<Tracing.TracingOptions, "serviceName" | "serviceVersion" | "attributes"> => ({
  serviceName: otelServiceName,
  serviceVersion: attributes["service.version"]?.trim() || version,
  attributes: { ...attributes, "k8s.cluster.name": clusterName }
})

/** The tracing layer that the settings select. */
export const tracing = (settings: Settings) => {
  const url = tracesUrl(settings)
  if (url === undefined) return Tracing.layerNone
  const exporter = OtlpExporter.layer({
    url,
    protocol: tracesProtocol(settings),
    headers: Record.map(
      { ...settings.otelExporterOtlpHeaders, ...settings.otelExporterOtlpTracesHeaders },
      Redacted.value
    )
  })
  return Tracing.layer({
    ...resource(settings),
    sampler: settings.otelTracesSampler,
    samplerRatio: settings.otelTracesSamplerArg,
    queueCapacity: settings.otelBspMaxQueueSize,
    batchSize: settings.otelBspMaxExportBatchSize,
    scheduledDelayMs: settings.otelBspScheduleDelay,
    exportTimeoutMs: Math.min(
      settings.otelBspExportTimeout,
      settings.otelExporterOtlpTracesTimeout ?? settings.otelExporterOtlpTimeout
    )
  }).pipe(Layer.provide(exporter), Layer.provide(NodeHttpClient.layerUndici))
}

export const logging = (settings: Pick<Settings, "logFormat" | "logLevel">, colours: boolean) =>
  Logging.layer({ format: settings.logFormat, level: settings.logLevel, write: writeError, colours })

const urlOf = (address: HttpServer.HttpServer["Service"]["address"], settings: Settings): string => {
  const scheme = settings.tlsCert === undefined ? "http" : "https"
  const host = settings.host.includes(":") ? `[${settings.host}]` : settings.host
  return `${scheme}://${host}:${"port" in address ? address.port : settings.port}`
}

/** Logs the address and the configuration of the service. */
const announce = (
  address: HttpServer.HttpServer["Service"]["address"],
  { faultInjection, rules, settings, tokens }: Application.Prepared
) =>
  (faultInjection === undefined
    ? Effect.void
    : Effect.flatMap(faultInjection.describe, (faults) =>
        Effect.logWarning(
          "FAULT INJECTION IS ON: failures may be deliberate. To turn it off, unset KUBERNAUT_FAULT_INJECTION and restart",
          { faults }
        )
      )
  ).pipe(
    Effect.andThen(
      Effect.logInfo("Kubernaut is ready", {
        url: urlOf(address, settings),
        version,
        cluster: `${settings.clusterName} (${settings.cluster})`,
        mode: settings.mode,
        tiers: [
          ...(settings.holmesgptUrl === undefined ? [] : ["holmesgpt"]),
          ...settings.llmProviders.map(({ name }) => `llm:${name}`),
          `rules (${rules.length})`
        ].join(" > "),
        database: StorageParts.databaseFile(settings),
        access:
          tokens === undefined
            ? "anonymous, on loopback only"
            : `${tokens.length} token${tokens.length === 1 ? "" : "s"}`,
        traces: publicUrl(tracesUrl(settings) ?? "not exported")
      })
    )
  )

const startError = (error: { readonly _tag: string; readonly message: string }, settings: Settings): CommandFailed => {
  switch (error._tag) {
    case "ServeError":
      return new CommandFailed({
        code: "unavailable",
        text: `Cannot listen on ${settings.host}:${settings.port}. If another process uses the port, set KUBERNAUT_PORT to another one, or to 0 for a free port.`
      })
    case "StorageError":
      return new CommandFailed({
        code: "unavailable",
        text: `Cannot open the database ${StorageParts.databaseFile(settings)}: ${error.message}.`
      })
    default:
      return new CommandFailed({ code: "configuration", text: error.message })
  }
}

const logWarnings = ({ warnings }: Settings) =>
  Effect.forEach(
    warnings,
    ({ key, message }) => Effect.logWarning("An environment variable is invalid", { variable: key, problem: message }),
    { discard: true }
  )

/** The service listens, and its database cannot be opened. */
const announceWaiting =
  ({ settings }: Application.Prepared) =>
  (address: HttpServer.HttpServer["Service"]["address"], error: StorageError) =>
    Effect.logError(
      "The database cannot be opened. Kubernaut accepts alerts into its spool, and starts to work on them when it is",
      { url: urlOf(address, settings), database: StorageParts.databaseFile(settings), reason: error.message }
    )

/** Logged before the scope closes, while requests in flight are still being served. */
const saysThatItStops = Effect.onInterrupt(() =>
  Effect.logInfo("Kubernaut is stopping. Send a second signal to stop at once")
)

/** Runs the service until it is interrupted. */
export const run = (prepared: Application.Prepared, colours: boolean) =>
  Effect.gen(function* () {
    yield* logWarnings(prepared.settings)
    const { socket, storage } = yield* saysThatItStops(StorageStart.open(prepared, announceWaiting(prepared)))
    return yield* Application.start(prepared, socket).pipe(
      Effect.tap(({ address }) => announce(address, prepared)),
      Effect.flatMap(({ givenUp }) =>
        Effect.mapError(
          givenUp,
          () =>
            new CommandFailed({
              code: "software",
              text: "The HTTP server failed repeatedly. See the log for the cause."
            })
        )
      ),
      saysThatItStops,
      Effect.scoped,
      Effect.provide(Layer.provideMerge(Application.service(prepared), storage))
    )
  }).pipe(
    Effect.scoped,
    Effect.mapError((error) => (error._tag === "CommandFailed" ? error : startError(error, prepared.settings))),
    Effect.onInterrupt(() => Effect.logInfo("Kubernaut has stopped")),
    Effect.provide(Layer.provideMerge(tracing(prepared.settings), logging(prepared.settings, colours)))
  )

/** Implements `kubernaut serve`. */
export const serveFromSettings = Effect.gen(function* () {
  const settings = yield* readSettings
  return yield* run(yield* prepare(settings), yield* isTerminal)
})
