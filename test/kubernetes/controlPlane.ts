/**
 * A real control plane for a test file: that of its worker, if `KUBERNAUT_TEST_KUBECONFIGS` names one for each worker;
 * else the one that `KUBERNAUT_TEST_KUBECONFIG` names (`scripts/control-plane/up` honours it); else one that is started
 * for this file and stopped after it. If none is available, skip the tests and append `note` to their name.
 *
 * A worker runs one file at a time, so a file has its control plane to itself while it runs. It finds there what
 * earlier files have left: it needs a namespace of its own, and it gives back nodes and removes policies and webhooks.
 */

import { execFile } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { fileURLToPath } from "node:url"

export interface ControlPlane {
  /** The path; empty without a control plane. */
  readonly kubeconfig: string
  readonly available: boolean
  /** The reason for skipping, to append to the name of a test; empty with a control plane. */
  readonly note: string
  readonly stop: () => Promise<void>
}

type Owner = "anyone" | "this file"

const run = (
  script: "up" | "down",
  args: ReadonlyArray<string>,
  owner: Owner
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> =>
  new Promise((resolve) => {
    const command = fileURLToPath(new URL(`../../scripts/control-plane/${script}`, import.meta.url))
    // Without the variable, `up` starts a control plane although the user has provided one.
    const own = ["-u", "KUBERNAUT_TEST_KUBECONFIG", command, ...args]
    const [file, rest] = owner === "this file" ? ["env", own] : [command, args]
    execFile(file, rest, { timeout: 9 * 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : 1, stdout, stderr })
    })
  })

const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? ""

// The exit code of the script for "not available on this machine".
const notAvailable = 3

/** Await it at the top of a test file, so that the names of its tests can state why they are skipped. */
export const controlPlane = (): Promise<ControlPlane> => {
  const kubeconfig = kubeconfigOfWorker(process.env)
  return kubeconfig === undefined
    ? started(newDirectory(), "anyone")
    : Promise.resolve({ kubeconfig, available: true, note: "", stop: () => Promise.resolve() })
}

/** Vitest numbers the workers that run at the same time from 1. */
export const kubeconfigOfWorker = (environment: Readonly<Record<string, string | undefined>>): string | undefined => {
  const all = environment["KUBERNAUT_TEST_KUBECONFIGS"]
  if (all === undefined || all === "") return undefined
  const worker = environment["VITEST_POOL_ID"]
  const kubeconfig = all.split(delimiter)[Number(worker) - 1]
  if (kubeconfig === undefined) throw new Error(`KUBERNAUT_TEST_KUBECONFIGS has no kubeconfig for worker ${worker}`)
  return kubeconfig
}

const newDirectory = (): string => mkdtempSync(join(tmpdir(), "kubernaut-control-plane-"))

const started = async (directory: string, owner: Owner): Promise<ControlPlane> => {
  const up = await run("up", ["--dir", directory], owner)
  const discard = () => rmSync(directory, { recursive: true, force: true })
  const stop = async () => {
    await run("down", ["--dir", directory], owner)
    discard()
  }
  if (up.code === 0) return { kubeconfig: lastLine(up.stdout), available: true, note: "", stop }
  if (up.code !== notAvailable) throw new Error(`The control plane did not start (exit code ${up.code}):\n${up.stderr}`)
  discard()
  return { kubeconfig: "", available: false, note: ` (skipped: ${lastLine(up.stderr)})`, stop: () => Promise.resolve() }
}

/** A control plane that a test may break. */
export interface OwnControlPlane extends ControlPlane {
  /** Ends the API server as `kill -9` does. */
  readonly killApiServer: () => void
  /** Starts it again, with the same state and port. */
  readonly restart: () => Promise<void>
}

/** A control plane of this file alone, also where `KUBERNAUT_TEST_KUBECONFIG` names another one. */
export const ownControlPlane = async (): Promise<OwnControlPlane> => {
  const directory = newDirectory()
  const plane = await started(directory, "this file")
  return {
    ...plane,
    killApiServer: () => {
      // The file has one line for each process that `up` started: its id and its name.
      const line = /^(\d+) kube-apiserver$/m.exec(readFileSync(join(directory, "pids"), "utf8"))
      process.kill(Number(line![1]), "SIGKILL")
    },
    restart: async () => {
      const up = await run("up", ["--dir", directory], "this file")
      if (up.code !== 0) throw new Error(`The control plane did not start again:\n${up.stderr}`)
    }
  }
}
