/**
 * Runs a credential plugin: the program that the `exec` section of a kubeconfig names.
 *
 * One run at a time is shared by all requests that need the credential. A run is ended with its process group when its
 * time is over and when the scope closes, so no process remains. Its output is read for the credential only: it is
 * never logged, and no error quotes it. The library's own `ExecAuth` starts a process for every request, without a time
 * limit, and does not set `KUBERNETES_EXEC_INFO`.
 */

import { spawn } from "node:child_process"
import { dirname, isAbsolute, resolve } from "node:path"
import { Clock, Deferred, Effect, type Scope } from "effect"
import * as Monotonic from "../resilience/Monotonic.ts"
import type { ConnectionFault } from "./ConnectionFault.ts"

/** The `exec` section of a user in a kubeconfig. */
export interface ExecSection {
  readonly apiVersion?: string
  readonly command?: string
  readonly args?: ReadonlyArray<string> | null
  readonly env?: ReadonlyArray<{ readonly name: string; readonly value: string }> | null
  readonly interactiveMode?: string
  readonly provideClusterInfo?: boolean
}

/** The cluster that a plugin is told about if its section asks for it. */
export interface ClusterInfo {
  readonly server: string
  readonly "tls-server-name"?: string
  readonly "insecure-skip-tls-verify"?: boolean
  readonly "certificate-authority-data"?: string
  readonly "proxy-url"?: string
}

/** What a plugin returned. */
export interface Credential {
  readonly token: string | undefined
  readonly certificate: string | undefined
  readonly key: string | undefined
  /** `Infinity` if it does not expire. */
  readonly expiresAtMs: number
}

/** The plugin gave no credential. */
export class ExecFailed {
  readonly _tag = "ExecFailed"
  readonly fault: ConnectionFault
  constructor(fault: ConnectionFault) {
    this.fault = fault
  }
}

/** A plugin that is slower makes every request fail, because requests have a time limit of their own. */
export const pluginTimeoutMs = 15_000
/** A failed run is not repeated for this long: its failure stands for the requests that come meanwhile. */
const restMs = 5_000
/** A credential is replaced this long before it expires, or after nine tenths of its life if that is later. */
const earlyMs = 10_000
const outputLimit = 1024 * 1024
const defaultApiVersion = "client.authentication.k8s.io/v1"

const infoOf = (section: ExecSection, cluster: ClusterInfo): string =>
  JSON.stringify({
    apiVersion: section.apiVersion ?? defaultApiVersion,
    kind: "ExecCredential",
    spec: { interactive: false, ...(section.provideClusterInfo === true ? { cluster } : {}) }
  })

/** A relative path is relative to the folder of the kubeconfig, and a plain name is looked up in PATH. */
const commandOf = (command: string, file: string): string =>
  command.includes("/") && !isAbsolute(command) ? resolve(dirname(file), command) : command

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined)

/** The credential in the output of a plugin; `undefined` if there is none. */
export const parseCredential = (output: string): Credential | undefined => {
  try {
    const answer = JSON.parse(output) as {
      readonly kind?: unknown
      readonly status?: Readonly<Record<string, unknown>>
    }
    const { clientCertificateData, clientKeyData, expirationTimestamp, token } = answer.status ?? {}
    const credential: Credential = {
      token: text(token),
      certificate: text(clientCertificateData),
      key: text(clientKeyData),
      expiresAtMs: expirationTimestamp === undefined ? Infinity : Date.parse(String(expirationTimestamp))
    }
    const isUsable =
      credential.token !== undefined || (credential.certificate !== undefined && credential.key !== undefined)
    return answer.kind === "ExecCredential" && isUsable && !Number.isNaN(credential.expiresAtMs)
      ? credential
      : undefined
  } catch {
    return undefined
  }
}

const startProcess = (command: string, { args, env, ...section }: ExecSection, file: string, cluster: ClusterInfo) => {
  try {
    return spawn(commandOf(command, file), [...(args ?? [])], {
      // A group of its own, so that the processes that it starts end with it.
      detached: true,
      stdio: ["ignore", "pipe", "ignore"],
      env: {
        // oxlint-disable-next-line no-restricted-properties -- a plugin runs in the environment of the service
        ...process.env,
        ...Object.fromEntries((env ?? []).map(({ name, value }) => [name, value])),
        KUBERNETES_EXEC_INFO: infoOf(section, cluster)
      }
    })
  } catch {
    return undefined
  }
}

/** Runs the plugin once. Interruption ends its whole process group at once. */
const run = (section: ExecSection, file: string, cluster: ClusterInfo): Effect.Effect<Credential, ExecFailed> =>
  Effect.callback<Credential, ExecFailed>((resume) => {
    const { command, interactiveMode } = section
    const fail = (fault: ConnectionFault) => resume(Effect.fail(new ExecFailed(fault)))
    if (command === undefined || interactiveMode === "Always") return fail("plugin-missing")
    const child = startProcess(command, section, file, cluster)
    if (child === undefined) return fail("plugin-missing")
    let output = ""
    let ended = false
    const kill = () => {
      if (child.pid === undefined) return
      try {
        process.kill(-child.pid, "SIGKILL")
      } catch {
        // It has ended.
      }
    }
    child.stdout.setEncoding("utf8")
    child.stdout.on("data", (chunk: string) => {
      output += chunk
      if (output.length > outputLimit) kill()
    })
    child.on("error", () => {
      ended = true
      fail("plugin-missing")
    })
    child.on("close", (code) => {
      if (ended) return
      ended = true
      // A process that it left behind must not outlive it.
      kill()
      if (code !== 0) return fail("plugin-failed")
      const credential = parseCredential(output)
      if (credential === undefined) fail("plugin-answer")
      else resume(Effect.succeed(credential))
    })
    return Effect.sync(() => {
      child.stdout.destroy()
      kill()
    })
  })

export interface ExecCredentials {
  /** The credential: the known one while it is valid, else that of one run which all callers share. */
  readonly get: (section: ExecSection, cluster: ClusterInfo) => Effect.Effect<Credential, ExecFailed>
  /** Forgets the credential, because the server rejected it. */
  readonly forget: () => void
}

/** The credentials of one user. `file` is the kubeconfig, and `timeoutMs` the time limit of one run. */
export const make = Effect.fnUntraced(function* (
  file: string,
  timeoutMs: number
): Effect.fn.Return<ExecCredentials, never, Scope.Scope> {
  const scope = yield* Effect.scope
  let known: { readonly key: string; readonly credential: Credential; readonly untilMs: number } | undefined
  let failed: { readonly key: string; readonly error: ExecFailed; readonly atMs: number } | undefined
  let running: { readonly key: string; readonly result: Deferred.Deferred<Credential, ExecFailed> } | undefined

  const remember = (key: string, credential: Credential) =>
    Effect.map(Clock.currentTimeMillis, (nowMs) => {
      const lifeMs = credential.expiresAtMs - nowMs
      known = { key, credential, untilMs: credential.expiresAtMs - Math.min(earlyMs, lifeMs / 10) }
    })

  const start = (section: ExecSection, cluster: ClusterInfo, key: string) => {
    const result = Deferred.makeUnsafe<Credential, ExecFailed>()
    running = { key, result }
    return run(section, file, cluster).pipe(
      Effect.timeoutOrElse({ duration: timeoutMs, orElse: () => Effect.fail(new ExecFailed("plugin-timeout")) }),
      Effect.tap((credential) => remember(key, credential)),
      Effect.tapError((error) =>
        Effect.map(Monotonic.nowMs, (atMs) => {
          failed = { key, error, atMs }
        })
      ),
      Effect.onExit((exit) =>
        Effect.sync(() => {
          running = undefined
          Deferred.doneUnsafe(result, exit)
        })
      ),
      // The run belongs to nobody's request: it continues when the first caller gives up.
      Effect.forkIn(scope, { startImmediately: true }),
      Effect.as(result)
    )
  }

  const get = Effect.fnUntraced(function* (
    section: ExecSection,
    cluster: ClusterInfo
  ): Effect.fn.Return<Credential, ExecFailed> {
    const key = JSON.stringify(section)
    if (known?.key === key && known.untilMs > (yield* Clock.currentTimeMillis)) return known.credential
    // The run of an earlier section ends first: its credential is for another user.
    if (running !== undefined && running.key !== key) {
      yield* Effect.exit(Deferred.await(running.result))
      return yield* get(section, cluster)
    }
    const nowMs = yield* Monotonic.nowMs
    if (running === undefined && failed?.key === key && nowMs - failed.atMs < restMs)
      return yield* Effect.fail(failed.error)
    return yield* Deferred.await(running?.result ?? (yield* start(section, cluster, key)))
  })

  return {
    get,
    forget: () => {
      known = undefined
    }
  }
})
