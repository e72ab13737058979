/**
 * A real control plane for a test file: the one that `KUBERNAUT_TEST_KUBECONFIG` names (`scripts/control-plane/up`
 * honours it), or one that is started for this file and stopped after it. If neither is available, skip the tests and
 * append `note` to their name.
 */

import { execFile } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export interface ControlPlane {
  /** The path; empty without a control plane. */
  readonly kubeconfig: string
  readonly available: boolean
  /** The reason for skipping, to append to the name of a test; empty with a control plane. */
  readonly note: string
  readonly stop: () => Promise<void>
}

const run = (
  script: "up" | "down",
  args: ReadonlyArray<string>
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> =>
  new Promise((resolve) => {
    const command = fileURLToPath(new URL(`../../scripts/control-plane/${script}`, import.meta.url))
    execFile(command, args, { timeout: 9 * 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : 1, stdout, stderr })
    })
  })

const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? ""

// The exit code of the script for "not available on this machine".
const notAvailable = 3

/** Await it at the top of a test file, so that the names of its tests can state why they are skipped. */
export const controlPlane = async (): Promise<ControlPlane> => {
  const directory = mkdtempSync(join(tmpdir(), "kubernaut-control-plane-"))
  const up = await run("up", ["--dir", directory])
  const discard = () => rmSync(directory, { recursive: true, force: true })
  const stop = async () => {
    await run("down", ["--dir", directory])
    discard()
  }
  if (up.code === 0) return { kubeconfig: lastLine(up.stdout), available: true, note: "", stop }
  if (up.code !== notAvailable) throw new Error(`The control plane did not start (exit code ${up.code}):\n${up.stderr}`)
  discard()
  return { kubeconfig: "", available: false, note: ` (skipped: ${lastLine(up.stderr)})`, stop: () => Promise.resolve() }
}
