/**
 * A real control plane for a test file: the one that `KUBERNAUT_TEST_KUBECONFIG` names, or else one that is started for this file and ended
 * after it. Where neither is to be had the tests are skipped, with the reason in their name.
 */
import { execFile } from "node:child_process"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export type ControlPlane =
  | { readonly _tag: "Available"; readonly kubeconfig: string; readonly stop: () => Promise<void> }
  | { readonly _tag: "Unavailable"; readonly reason: string }

const script = (name: string): string => fileURLToPath(new URL(`../../scripts/control-plane/${name}`, import.meta.url))

const run = (command: string, args: ReadonlyArray<string>): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> =>
  new Promise((resolve) => {
    execFile(command, args, { timeout: 9 * 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : 1, stdout, stderr })
    })
  })

/** The script's own code for "cannot be had on this machine". */
const notAvailable = 3

/** Call it at the top of a test file, awaited, so that the names of the tests can tell why they are skipped. */
export const controlPlane = async (): Promise<ControlPlane> => {
  const given = process.env["KUBERNAUT_TEST_KUBECONFIG"]
  if (given !== undefined && given !== "") return { _tag: "Available", kubeconfig: given, stop: () => Promise.resolve() }
  const directory = mkdtempSync(join(tmpdir(), "kubernaut-control-plane-"))
  const up = await run(script("up"), ["--dir", directory])
  if (up.code === notAvailable) return { _tag: "Unavailable", reason: up.stderr.trim().split("\n").at(-1) ?? "no control plane" }
  if (up.code !== 0) throw new Error(`The control plane did not start (exit code ${up.code}):\n${up.stderr}`)
  return {
    _tag: "Available",
    kubeconfig: up.stdout.trim().split("\n").at(-1)!,
    stop: async () => {
      await run(script("down"), ["--dir", directory, "--remove"])
    }
  }
}
