/** Credential plugins: one run at a time, ended in time, and nothing of their output outside. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Scope } from "effect"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import * as ExecCredential from "../../src/kubernetes/ExecCredential.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import { json, kubeconfigFor, pod, status } from "./FakeApiServer.ts"
import { plainServer } from "./TlsServer.ts"

const cluster = { server: "https://127.0.0.1:6443", "certificate-authority-data": "Q0E=" }

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-plugin-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** A plugin written in shell. It appends a line to `runs` each time, and `$OUT` is a credential. */
const pluginOf = Effect.fnUntraced(function* (script: string, more: Partial<ExecCredential.ExecSection> = {}) {
  const directory = yield* folder
  const runs = join(directory, "runs")
  const out = JSON.stringify({ kind: "ExecCredential", status: { token: "t-1" } })
  writeFileSync(runs, "")
  const section: ExecCredential.ExecSection = {
    apiVersion: "client.authentication.k8s.io/v1beta1",
    command: "sh",
    args: ["-c", `echo $$ >> ${runs}; OUT='${out}'; ${script}`],
    ...more
  }
  const pids = () =>
    readFileSync(runs, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map(Number)
  return { section, pids, directory, kubeconfig: join(directory, "kubeconfig") }
})

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))
  } catch {
    return false
  }
}

const until = (condition: () => boolean) =>
  Effect.sleep("10 millis").pipe(Effect.repeat({ until: () => Effect.sync(condition) }), Effect.timeout("5 seconds"))

describe("a credential plugin", () => {
  it.live("runs once for sixty requests at the same time, and not again while its credential is valid", () =>
    Effect.gen(function* () {
      const { kubeconfig, pids, section } = yield* pluginOf(`sleep 0.1; echo "$OUT"`)
      const plugin = yield* ExecCredential.make(kubeconfig, 5000)
      const all = yield* Effect.all(
        Array.from({ length: 60 }, () => plugin.get(section, cluster)),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(new Set(all.map(({ token }) => token)), new Set(["t-1"]))
      yield* plugin.get(section, cluster)
      assert.lengthOf(pids(), 1)
    }).pipe(Effect.scoped)
  )

  it.live("is ended at its time limit with the processes that it started, and all its callers fail", () =>
    Effect.gen(function* () {
      const { kubeconfig, pids, section } = yield* pluginOf(`sleep 60 & echo $! >> "$RUNS"; wait`)
      const plugin = yield* ExecCredential.make(kubeconfig, 300)
      const withRuns = { ...section, env: [{ name: "RUNS", value: join(kubeconfig, "..", "runs") }] }
      const all = yield* Effect.all(
        Array.from({ length: 20 }, () => Effect.flip(plugin.get(withRuns, cluster))),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(new Set(all.map(({ fault }) => fault)), new Set(["plugin-timeout"]))
      assert.lengthOf(pids(), 2)
      yield* until(() => !pids().some(isAlive))
    }).pipe(Effect.scoped)
  )

  it.live("ends with the service, with the processes that it started", () =>
    Effect.gen(function* () {
      const { kubeconfig, pids, section } = yield* pluginOf(`sleep 60 & echo $! >> "$RUNS"; wait`)
      const scope = yield* Scope.make()
      const plugin = yield* Effect.provideService(ExecCredential.make(kubeconfig, 60_000), Scope.Scope, scope)
      const withRuns = { ...section, env: [{ name: "RUNS", value: join(kubeconfig, "..", "runs") }] }
      const waiting = yield* Effect.forkChild(Effect.exit(plugin.get(withRuns, cluster)))
      yield* until(() => pids().length === 2)
      assert.isTrue(pids().every(isAlive))
      yield* Scope.close(scope, Exit.void)
      yield* until(() => !pids().some(isAlive))
      yield* Fiber.interrupt(waiting)
    }).pipe(Effect.scoped)
  )

  it.live("continues for the others when the first caller gives up", () =>
    Effect.gen(function* () {
      const { kubeconfig, pids, section } = yield* pluginOf(`sleep 0.3; echo "$OUT"`)
      const plugin = yield* ExecCredential.make(kubeconfig, 5000)
      const first = yield* Effect.forkChild(plugin.get(section, cluster), { startImmediately: true })
      const second = yield* Effect.forkChild(plugin.get(section, cluster), { startImmediately: true })
      yield* Fiber.interrupt(first)
      assert.strictEqual((yield* Fiber.join(second)).token, "t-1")
      assert.lengthOf(pids(), 1)
    }).pipe(Effect.scoped)
  )

  it.live("is not repeated by every request after it failed", () =>
    Effect.gen(function* () {
      const { kubeconfig, pids, section } = yield* pluginOf(`exit 1`)
      const plugin = yield* ExecCredential.make(kubeconfig, 5000)
      for (let n = 0; n < 20; n++)
        assert.strictEqual((yield* Effect.flip(plugin.get(section, cluster))).fault, "plugin-failed")
      assert.lengthOf(pids(), 1)
    }).pipe(Effect.scoped)
  )

  it.live("runs again when its credential has expired, and when the server rejected it", () =>
    Effect.gen(function* () {
      const expired = JSON.stringify({
        kind: "ExecCredential",
        status: { token: "t", expirationTimestamp: "2020-01-01T00:00:00Z" }
      })
      const short = yield* pluginOf(`echo '${expired}'`)
      const plugin = yield* ExecCredential.make(short.kubeconfig, 5000)
      yield* plugin.get(short.section, cluster)
      yield* plugin.get(short.section, cluster)
      assert.lengthOf(short.pids(), 2)
      const lasting = yield* pluginOf(`echo "$OUT"`)
      const other = yield* ExecCredential.make(lasting.kubeconfig, 5000)
      yield* other.get(lasting.section, cluster)
      other.forget()
      yield* other.get(lasting.section, cluster)
      assert.lengthOf(lasting.pids(), 2)
    }).pipe(Effect.scoped)
  )

  it.live("gets its environment, KUBERNETES_EXEC_INFO, and the cluster only if it asks for it", () =>
    Effect.gen(function* () {
      const seen = (more: Partial<ExecCredential.ExecSection>) =>
        Effect.gen(function* () {
          const { directory, kubeconfig, section } = yield* pluginOf(
            `printf %s "$KUBERNETES_EXEC_INFO" > "$SEEN"; echo "$OUT"`
          )
          const plugin = yield* ExecCredential.make(kubeconfig, 5000)
          const file = join(directory, "seen")
          yield* plugin.get({ ...section, env: [{ name: "SEEN", value: file }], ...more }, cluster)
          return JSON.parse(readFileSync(file, "utf8")) as unknown
        })
      const info = {
        apiVersion: "client.authentication.k8s.io/v1beta1",
        kind: "ExecCredential",
        spec: { interactive: false }
      }
      assert.deepStrictEqual(yield* seen({}), info)
      assert.deepStrictEqual(yield* seen({ provideClusterInfo: true }), {
        ...info,
        spec: { interactive: false, cluster }
      })
    }).pipe(Effect.scoped)
  )

  it.live("is found relative to the folder of the kubeconfig", () =>
    Effect.gen(function* () {
      const { directory, kubeconfig } = yield* pluginOf("")
      writeFileSync(
        join(directory, "plugin"),
        `#!/bin/sh\necho '{"kind":"ExecCredential","status":{"token":"relative"}}'\n`,
        { mode: 0o755 }
      )
      const plugin = yield* ExecCredential.make(kubeconfig, 5000)
      assert.strictEqual((yield* plugin.get({ command: "./plugin" }, cluster)).token, "relative")
    }).pipe(Effect.scoped)
  )

  it.live("is not started if it needs a terminal", () =>
    Effect.gen(function* () {
      const { kubeconfig, pids, section } = yield* pluginOf(`echo "$OUT"`, { interactiveMode: "Always" })
      const plugin = yield* ExecCredential.make(kubeconfig, 5000)
      assert.strictEqual((yield* Effect.flip(plugin.get(section, cluster))).fault, "plugin-missing")
      assert.lengthOf(pids(), 0)
    }).pipe(Effect.scoped)
  )

  it.live("runs once for sixty requests of a client, and again after the server rejected its token", () =>
    Effect.gen(function* () {
      let valid = "t-1"
      const { directory, pids, section } = yield* pluginOf(`sleep 0.1; cat "$TOKEN"`)
      const write = (token: string) =>
        writeFileSync(join(directory, "token"), JSON.stringify({ kind: "ExecCredential", status: { token } }))
      write("t-1")
      const port = yield* plainServer((request, response) =>
        request.headers.authorization === `Bearer ${valid}`
          ? json(response, 200, pod("x"))
          : json(response, 401, status(401, "Unauthorized"))
      )
      const kubeconfig = yield* kubeconfigFor(
        { server: `http://127.0.0.1:${port}` },
        { exec: { ...section, env: [{ name: "TOKEN", value: join(directory, "token") }] } }
      )
      const context = yield* Layer.build(ClientNode.layer({ kubeconfig }))
      const kubernetes = Context.get(context, KubernetesClient)
      const get = kubernetes.get({ namespace: "shop", kind: "Pod", name: "x" })
      yield* Effect.all(
        Array.from({ length: 60 }, () => get),
        { concurrency: "unbounded" }
      )
      assert.lengthOf(pids(), 1)
      valid = "t-2"
      write("t-2")
      yield* get
      assert.lengthOf(pids(), 2)
    }).pipe(Effect.scoped)
  )

  const answers: ReadonlyArray<readonly [what: string, answer: unknown, expected: string | undefined]> = [
    ["a token", { kind: "ExecCredential", status: { token: "t" } }, "t"],
    ["no status", { kind: "ExecCredential" }, undefined],
    ["an empty token", { kind: "ExecCredential", status: { token: "" } }, undefined],
    ["a certificate without its key", { kind: "ExecCredential", status: { clientCertificateData: "c" } }, undefined],
    ["another kind", { kind: "Secret", status: { token: "t" } }, undefined],
    [
      "an expiry that is no time",
      { kind: "ExecCredential", status: { token: "t", expirationTimestamp: "soon" } },
      undefined
    ]
  ]
  it.each(answers)("that returns %s is read as it should", (_, answer, expected) => {
    assert.strictEqual(ExecCredential.parseCredential(JSON.stringify(answer))?.token, expected)
  })
})
