/** A real Alertmanager with the configuration of examples/alertmanager. */

import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { readFileSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import * as Service from "./Service.ts"

/** The first of the programs that is installed. */
export const installed = (...candidates: ReadonlyArray<string | undefined>): string | undefined =>
  candidates.find(
    (candidate) => candidate !== undefined && spawnSync(candidate, ["--version"], { stdio: "ignore" }).status === 0
  )

/** Absent: no Alertmanager is installed. `scripts/test` reports this. */
export const program = installed(process.env["KUBERNAUT_TEST_ALERTMANAGER"], "alertmanager", "prometheus-alertmanager")

export const freePort = Effect.promise(async () => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  return typeof address === "object" && address !== null ? address.port : 0
})

/** Runs a program until the scope closes, and waits until it responds at the path `ready` of `url`. */
export const running = Effect.fnUntraced(function* (
  command: string,
  args: ReadonlyArray<string>,
  url: string,
  ready = "/-/ready"
) {
  yield* Effect.acquireRelease(
    Effect.sync(() => spawn(command, args, { stdio: "ignore" })),
    (child) =>
      Effect.promise(async () => {
        if (child.exitCode !== null) return
        const ended = once(child, "exit")
        child.kill("SIGTERM")
        await ended
      })
  )
  const isReady = Effect.promise(() =>
    fetch(url + ready).then(
      (response) => response.ok,
      () => false
    )
  )
  yield* Service.until(`${command} is ready`, isReady, (ready) => ready)
  return url
})

/**
 * Starts an Alertmanager with the example's configuration, except for the address of the receiver and `edit`. It stops
 * when the scope closes.
 */
export const start = Effect.fnUntraced(function* (
  command: string,
  receiver: string,
  port: number,
  edit: (configuration: string) => string = (configuration) => configuration
) {
  const directory = yield* Service.temporaryDirectory
  const example = readFileSync(join(import.meta.dirname, "../../examples/alertmanager/alertmanager.yml"), "utf8")
  const configured = example.replace("http://127.0.0.1:8080/", `${receiver}/`)
  assert.notStrictEqual(configured, example, "the example names Kubernaut's default address")
  const file = join(directory, "alertmanager.yml")
  writeFileSync(file, edit(configured))
  return yield* running(
    command,
    [
      `--config.file=${file}`,
      `--storage.path=${join(directory, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--cluster.listen-address="
    ],
    `http://127.0.0.1:${port}`
  )
})
