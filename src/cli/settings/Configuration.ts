/**
 * Reads the settings at start, from environment variables, the YAML file that `KUBERNAUT_CONFIG` names, and defaults,
 * in this order of precedence.
 *
 * All problems are reported together, each with the key, its location and the expected value. An unknown key is a
 * problem, because a misspelt setting that is silently ignored is found only when it is needed. Messages never contain
 * the value of a secret.
 *
 * An invalid variable of OpenTelemetry is a warning instead, and counts as unset: see `OpenTelemetry.ts`.
 */

import { Duration, Effect, FileSystem, Result, Schema } from "effect"
import { LineCounter, parseDocument } from "yaml"
import type { ModelPeer } from "../../simulation/farEnds/paths/Wire.ts"
import { publicUrl } from "../../telemetry/PublicUrl.ts"
import * as Verifier from "../../verification/Verifier.ts"
import { hedgeProblems } from "./HedgeSettings.ts"
import { openTelemetry } from "./OpenTelemetry.ts"
import {
  environmentKey,
  fileKey,
  type SettingName,
  settingNames,
  type Settings,
  settings,
  tracesProtocol,
  tracesUrl,
  type Warning
} from "./Settings.ts"
import { type Decoded, decode, decodeText } from "./SettingValue.ts"

/** A problem with a setting: its `key` as written, and for keys in the file, `at`: file and line. */
export interface Problem {
  readonly key: string
  readonly at?: string
  readonly message: string
}

export class ConfigurationError extends Schema.TaggedError<ConfigurationError>()("ConfigurationError", {
  problems: Schema.Array(
    Schema.Struct({ key: Schema.String, at: Schema.optionalKey(Schema.String), message: Schema.String })
  )
}) {
  override get message(): string {
    const lines = this.problems.map(
      ({ key, at, message }) => `  ${key}${at === undefined ? "" : ` (${at})`}: ${message}`
    )
    return [
      `The configuration has ${this.problems.length === 1 ? "a problem" : `${this.problems.length} problems`}:`,
      ...lines
    ].join("\n")
  }
}

export type Environment = Readonly<Record<string, string | undefined>>

/** The text of the configuration file. */
export interface ConfigurationFile {
  readonly path: string
  readonly text: string
}

/** Variables that are not settings: the name of the file, and those of the client commands. */
const otherKeys = ["KUBERNAUT_CONFIG", "KUBERNAUT_URL", "KUBERNAUT_TOKEN"]

/**
 * Whether Kubernetes set the variable: it adds variables such as `KUBERNAUT_PORT=tcp://…` to pods when their namespace
 * has a Service named `kubernaut`.
 */
const isServiceLink = (key: string, value: string): boolean =>
  /^KUBERNAUT_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$/.test(key)
  || /^KUBERNAUT_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(key)
  || (key === "KUBERNAUT_PORT" && /^(tcp|udp|sctp):\/\//.test(value))

/** Levenshtein distance: the number of letters to insert, delete or replace. */
export const editDistance = (left: string, right: string): number => {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let i = 1; i <= left.length; i++) {
    const next = [i]
    for (let j = 1; j <= right.length; j++) {
      next.push(
        Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1))
      )
    }
    row = next
  }
  return row[right.length] ?? 0
}

/** The known key that is closest to `key`, if any is close enough. */
export const nearest = (key: string, known: ReadonlyArray<string>): string | undefined => {
  const [best] = known
    .map((candidate) => [candidate, editDistance(key.toUpperCase(), candidate.toUpperCase())] as const)
    .sort((a, b) => a[1] - b[1])
  return best !== undefined && best[1] <= Math.max(2, Math.floor(key.length / 4)) ? best[0] : undefined
}

const unknownKey = (key: string, known: ReadonlyArray<string>): string => {
  const meant = nearest(key, known)
  return `unknown key${meant === undefined ? `; run kubernaut config to list all keys` : `; did you mean ${meant}?`}`
}

type Found = { readonly key: string; readonly at?: string; readonly value: Decoded<unknown> }

const readFile = (file: ConfigurationFile, problems: Array<Problem>): ReadonlyMap<SettingName, Found> => {
  const found = new Map<SettingName, Found>()
  const lines = new LineCounter()
  const document = parseDocument(file.text, { lineCounter: lines, prettyErrors: false })
  for (const error of document.errors) {
    const { line } = lines.linePos(error.pos[0])
    problems.push({
      key: "KUBERNAUT_CONFIG",
      at: `${file.path}:${line}`,
      message: `not valid YAML: ${error.code.toLowerCase().replaceAll("_", " ")}`
    })
  }
  // YAML takes a word that begins with an exclamation mark for a tag, and drops it.
  for (const { code, pos } of document.warnings) {
    if (code !== "TAG_RESOLVE_FAILED") continue
    const tag = /^\S*?(?=[\s,\]}]|$)/.exec(file.text.slice(pos[0], pos[1] + 1))?.[0]
    problems.push({
      key: "KUBERNAUT_CONFIG",
      at: `${file.path}:${lines.linePos(pos[0]).line}`,
      message: `${tag} is a YAML tag and no text; write it in quotes, such as "!kube-system"`
    })
  }
  if (problems.length > 0) return found
  const content: unknown = document.toJS()
  if (content === null || content === undefined) return found
  if (typeof content !== "object" || Array.isArray(content)) {
    problems.push({
      key: "KUBERNAUT_CONFIG",
      at: file.path,
      message: "expected a mapping of settings, such as port: 8080"
    })
    return found
  }
  const known = new Map(settingNames.map((name) => [fileKey(name), name]))
  for (const [key, raw] of Object.entries(content)) {
    const offset = (document.get(key, true) as { readonly range?: readonly [number, number, number] } | undefined)
      ?.range?.[0]
    const at = offset === undefined ? file.path : `${file.path}:${lines.linePos(offset).line}`
    const name = known.get(key)
    if (name === undefined) problems.push({ key, at, message: unknownKey(key, [...known.keys()]) })
    else if (raw !== null) found.set(name, { key, at, value: decode(name, raw) })
  }
  return found
}

/** Variables of the development scripts, which a developer's shell may have set. */
const isToolKey = (key: string): boolean => /^KUBERNAUT_(TEST_\w+|CACHE|CONTROL_PLANE_DIR)$/.test(key)

const isOpenTelemetry = (name: SettingName): boolean => name in openTelemetry

const readEnvironment = (environment: Environment, problems: Array<Problem>): ReadonlyMap<SettingName, Found> => {
  const found = new Map<SettingName, Found>()
  const known = new Map(settingNames.map((name) => [environmentKey(name), name]))
  for (const [key, text] of Object.entries(environment)) {
    if (text === undefined || text === "") continue
    const name = known.get(key)
    if (name !== undefined && isOpenTelemetry(name) && text.trim() === "") continue
    if (
      name === undefined
        ? !key.startsWith("KUBERNAUT_") || otherKeys.includes(key) || isToolKey(key) || isServiceLink(key, text)
        : isServiceLink(key, text)
    )
      continue
    if (name === undefined) {
      problems.push({ key, message: unknownKey(key, [...known.keys(), ...otherKeys]) })
      continue
    }
    found.set(name, { key, value: decodeText(name, text) })
  }
  return found
}

/** Whether only this machine can reach the address. */
export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host)

/** The models that the service uses, by the names of their breakers. */
export const modelsOf = ({ holmesgptUrl, llmProviders }: Settings): ReadonlyArray<ModelPeer> => [
  ...(holmesgptUrl === undefined ? [] : ["holmesgpt" as const]),
  ...llmProviders.map(({ name }) => `llm:${name}` as const)
]

const holmesgptKeyProblems = (values: Partial<Settings>): ReadonlyArray<Problem> => {
  const { holmesgptApiKey: key, holmesgptApiKeyFile: file, holmesgptUrl: url } = values
  const set = [
    ...(key === undefined ? [] : ["KUBERNAUT_HOLMESGPT_API_KEY"]),
    ...(file === undefined ? [] : ["KUBERNAUT_HOLMESGPT_API_KEY_FILE"])
  ]
  return [
    ...(set.length > 0 && url === undefined
      ? [{ key: "KUBERNAUT_HOLMESGPT_URL", message: `required when ${set.join(" and ")} is set` }]
      : []),
    ...(set.length > 1
      ? [{ key: set[1]!, message: `must not be set together with ${set[0]}: which key is right?` }]
      : [])
  ]
}

/** A budget is checked before a call, by what the call is expected to cost. So that has to be known. */
const spendChecks = ({
  holmesgptSpend,
  holmesgptUrl,
  llmProviders = [],
  spendBudgets = {}
}: Partial<Settings>): ReadonlyArray<Problem> => {
  const limits = Object.values(spendBudgets)
  const ofMoney = limits.some(({ money }) => money !== undefined)
  const unpriced = ofMoney ? llmProviders.filter(({ price }) => price === undefined).map(({ name }) => name) : []
  const holmesgpt =
    holmesgptUrl === undefined || limits.length === 0
      ? []
      : (["inputTokens", "outputTokens", ...(ofMoney ? (["price"] as const) : [])] as const).filter(
          (field) => holmesgptSpend?.[field] === undefined
        )
  return [
    ...(unpriced.length === 0
      ? []
      : [
          {
            key: "KUBERNAUT_LLM_PROVIDERS",
            message: `a budget of money needs the price of each provider, and ${unpriced.join(", ")} has none. Where calls cost nothing it is {"input":0,"output":0}`
          }
        ]),
    ...(holmesgpt.length === 0
      ? []
      : [
          {
            key: "KUBERNAUT_HOLMESGPT_SPEND",
            message: `budgets need what an investigation of HolmesGPT is expected to take: set ${holmesgpt.join(", ")}`
          }
        ])
  ]
}

/** Problems that involve several settings. */
const crossChecks = (values: Partial<Settings>): ReadonlyArray<Problem> => {
  const problems: Array<Problem> = []
  if (values.host !== undefined && !isLoopback(values.host) && values.tokensFile === undefined) {
    problems.push({
      key: "KUBERNAUT_TOKENS_FILE",
      message: `required when KUBERNAUT_HOST is not a loopback address (${values.host}), because anyone who can reach the port could approve actions. Set it, or listen on 127.0.0.1`
    })
  }
  if ((values.tlsCert === undefined) !== (values.tlsKey === undefined)) {
    const missing = values.tlsCert === undefined ? "KUBERNAUT_TLS_CERT" : "KUBERNAUT_TLS_KEY"
    problems.push({ key: missing, message: "required: set KUBERNAUT_TLS_CERT and KUBERNAUT_TLS_KEY together" })
  }
  const settleTimeout = Duration.fromInputUnsafe(Verifier.defaults.settleTimeout)
  if (values.steadyFor !== undefined && Duration.isGreaterThanOrEqualTo(values.steadyFor, settleTimeout)) {
    problems.push({
      key: "KUBERNAUT_STEADY_FOR",
      message: `must be less than ${Duration.format(settleTimeout)}, the time that a target has to settle. Otherwise no target is ever verified as fixed`
    })
  }
  return [...problems, ...holmesgptKeyProblems(values), ...hedgeProblems(values), ...spendChecks(values)]
}

export interface ParseInput {
  readonly environment: Environment
  readonly file?: ConfigurationFile
  /** Whether standard error is a terminal: the default log format depends on it. */
  readonly terminal: boolean
}

interface Sources {
  readonly environment: ReadonlyMap<SettingName, Found>
  readonly file: ReadonlyMap<SettingName, Found>
}

interface Complaints {
  readonly problems: Array<Problem>
  readonly warnings: Array<Warning>
}

/** The value in force: from the environment, otherwise the file, otherwise the default. */
const inForce = (name: SettingName, { environment, file }: Sources, { problems, warnings }: Complaints): unknown => {
  const setting = settings[name]
  const variable = environment.get(name)
  if (variable !== undefined && isOpenTelemetry(name) && Result.isFailure(variable.value))
    warnings.push({ key: variable.key, message: `${variable.value.failure.join("; ")}. The value is ignored` })
  else if (variable !== undefined) return valueOf(variable, problems)
  const found = file.get(name)
  if (found !== undefined) return valueOf(found, problems)
  return "fallback" in setting
    ? valueOf({ key: environmentKey(name), value: decode(name, setting.fallback) }, problems)
    : undefined
}

const valueOf = ({ value, ...place }: Found, problems: Array<Problem>): unknown => {
  if (Result.isSuccess(value)) return value.success
  problems.push(...value.failure.map((message) => ({ ...place, message })))
  return undefined
}

/** A batch must fit into the queue. Only the file, which is written for Kubernaut, must say so itself. */
const fitBatch = (values: Settings, { environment, file }: Sources, { problems, warnings }: Complaints): number => {
  const { otelBspMaxExportBatchSize: batch, otelBspMaxQueueSize: queue } = values
  if (!(batch > queue)) return batch
  const key = environmentKey("otelBspMaxExportBatchSize")
  const message = `must not exceed OTEL_BSP_MAX_QUEUE_SIZE: a batch of ${batch} spans does not fit into a queue of ${queue}`
  const written = environment.get("otelBspMaxExportBatchSize") ?? file.get("otelBspMaxExportBatchSize")
  if (written?.at !== undefined && !environment.has("otelBspMaxQueueSize"))
    problems.push({ key: written.key, at: written.at, message })
  else if (written !== undefined) warnings.push({ key, message: `${message}. The batch size is ${queue}` })
  return queue
}

/** Adds what an ignored protocol means for the export. */
const explainProtocol = (values: Settings, warnings: ReadonlyArray<Warning>): ReadonlyArray<Warning> => {
  const url = tracesUrl(values)
  return url === undefined
    ? warnings
    : warnings.map(({ key, message }) => ({
        key,
        message: key.endsWith("_PROTOCOL")
          ? `${message}: traces are sent as ${tracesProtocol(values)} to ${publicUrl(url)}`
          : message
      }))
}

/** Parses the settings, and reports every problem with them. */
export const parse = (input: ParseInput): Result.Result<Settings, ConfigurationError> => {
  const problems: Array<Problem> = []
  const warnings: Array<Warning> = []
  const unknown: Array<Problem> = []
  const sources = {
    file: input.file === undefined ? new Map<SettingName, Found>() : readFile(input.file, unknown),
    environment: readEnvironment(input.environment, unknown)
  }
  const values: Partial<Record<SettingName, unknown>> = {}
  for (const name of settingNames) {
    const value = inForce(name, sources, { problems, warnings })
    if (value !== undefined) values[name] = value
  }
  values.mode ??= values.cluster === "sandbox" ? "auto" : "observe"
  values.steadyFor ??= values.cluster === "sandbox" ? Duration.seconds(10) : Duration.minutes(1)
  values.clusterName ??= values.cluster === "sandbox" ? "sandbox" : "kubernetes"
  values.logFormat ??= input.terminal ? "pretty" : "json"
  const attributes = values.otelResourceAttributes as Settings["otelResourceAttributes"] | undefined
  values.otelServiceName ??= attributes?.["service.name"]?.trim() || "kubernaut"
  values.otelBspMaxExportBatchSize = fitBatch(values as Settings, sources, { problems, warnings })
  problems.push(...unknown, ...crossChecks(values as Partial<Settings>))
  if (problems.length > 0) return Result.fail(new ConfigurationError({ problems }))
  const complete = values as Settings
  return Result.succeed({ ...complete, warnings: explainProtocol(complete, warnings) })
}

/** Checks the requested faults. Loads the fault catalogue only when faults are requested. */
const checkFaults = Effect.fnUntraced(function* (settings: Settings) {
  const { cluster, clusterName, faultCluster, faultInjection, mode } = settings
  if (faultInjection.length === 0) return settings
  const { problems } = yield* Effect.promise(() => import("../../simulation/injection/Injectable.ts"))
  const place = {
    clusterName,
    mode,
    isReal: cluster !== "sandbox",
    models: modelsOf(settings),
    ...(faultCluster === undefined ? {} : { allowedOn: faultCluster })
  }
  const wrong = problems(faultInjection, place).map((message) => ({ key: "KUBERNAUT_FAULT_INJECTION", message }))
  return wrong.length === 0 ? settings : yield* new ConfigurationError({ problems: wrong })
})

/** Reads the file that `KUBERNAUT_CONFIG` names, if set, and parses the settings. */
export const load = Effect.fnUntraced(function* (input: Omit<ParseInput, "file">) {
  const path = input.environment["KUBERNAUT_CONFIG"]
  if (path === undefined || path === "") return yield* Effect.flatMap(Effect.fromResult(parse(input)), checkFaults)
  const fileSystem = yield* FileSystem.FileSystem
  const text = yield* fileSystem
    .readFileString(path)
    .pipe(
      Effect.mapError(
        () => new ConfigurationError({ problems: [{ key: "KUBERNAUT_CONFIG", message: `cannot read ${path}` }] })
      )
    )
  return yield* Effect.flatMap(Effect.fromResult(parse({ ...input, file: { path, text } })), checkFaults)
})
