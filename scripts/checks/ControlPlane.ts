/** One real Kubernetes control plane for all integration tests of a run. It is taken down whatever happens to them. */

import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { onInterrupt, run } from "./Process.ts"
import { combine, failed, passed, type Result, skipped } from "./Section.ts"

interface Available {
  readonly kubeconfig: Readonly<Record<string, string>>
  /** Why there is no control plane, where there is none. */
  readonly reason: string | undefined
}

const up = "scripts/control-plane/up"
const down = "scripts/control-plane/down"
const directory = ".cache/test/control-plane"

/** Not available on this machine: neither Go nor the tools of a control plane, nor a cluster given by the user. */
const notAvailable = 3

export const withControlPlane = async (tests: (available: Available) => Promise<Result>): Promise<Result> => {
  if (!existsSync(up)) return tests({ kubeconfig: {}, reason: `no ${up}` })
  // The first run builds it, which takes five minutes on two cores; later ones find it in the cache.
  const started = await run(up, ["--dir", directory], { timeoutSeconds: 1200 })
  if (started.code === notAvailable) {
    const reason = started.output.trim().split("\n").at(-1) ?? "no control plane here"
    return combine([skipped("the real control plane", reason), await tests({ kubeconfig: {}, reason })])
  }
  if (started.code !== 0) {
    const note = `$ ${up}\n${started.output.trimEnd()}\nexit code ${started.code}`
    return combine([failed(note), await tests({ kubeconfig: {}, reason: "the control plane did not start" })])
  }
  const takeDown = (): void => {
    spawnSync(down, ["--dir", directory, "--remove"], { stdio: "ignore" })
  }
  const interrupted = onInterrupt(takeDown)
  const kubeconfig = started.stdout.trim().split("\n").at(-1) ?? ""
  try {
    return combine([passed, await tests({ kubeconfig: { KUBERNAUT_TEST_KUBECONFIG: kubeconfig }, reason: undefined })])
  } finally {
    interrupted()
    takeDown()
  }
}
