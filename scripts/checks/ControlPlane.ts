/** One real Kubernetes control plane for all integration tests of a run. It is always stopped afterwards. */

import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { onInterrupt, run } from "./Process.ts"
import { combine, failed, passed, type Result, skipped } from "./Section.ts"

interface Available {
  readonly kubeconfig: Readonly<Record<string, string>>
  /** Why there is no control plane, if so. */
  readonly reason: string | undefined
}

const up = "scripts/control-plane/up"
const down = "scripts/control-plane/down"
const directory = ".cache/test/control-plane"

/** The exit code for a machine without Go, without control plane binaries, and without a cluster supplied by the user. */
const notAvailable = 3

export const withControlPlane = async (tests: (available: Available) => Promise<Result>): Promise<Result> => {
  if (!existsSync(up)) return tests({ kubeconfig: {}, reason: `no ${up}` })
  // The first run builds it in about five minutes on two cores; later runs use the cache.
  const started = await run(up, ["--dir", directory], { timeoutSeconds: 1200 })
  if (started.code === notAvailable) {
    const reason = started.output.trim().split("\n").at(-1) ?? "no control plane available"
    return combine([skipped("the real control plane", reason), await tests({ kubeconfig: {}, reason })])
  }
  if (started.code !== 0) {
    const note = `$ ${up}\n${started.output.trimEnd()}\nexit code ${started.code}`
    return combine([failed(note), await tests({ kubeconfig: {}, reason: "the control plane did not start" })])
  }
  const stop = (): void => {
    spawnSync(down, ["--dir", directory, "--remove"], { stdio: "ignore" })
  }
  const interrupted = onInterrupt(stop)
  const kubeconfig = started.stdout.trim().split("\n").at(-1) ?? ""
  try {
    return combine([passed, await tests({ kubeconfig: { KUBERNAUT_TEST_KUBECONFIG: kubeconfig }, reason: undefined })])
  } finally {
    interrupted()
    stop()
  }
}
