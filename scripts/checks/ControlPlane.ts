/**
 * The real Kubernetes control planes for the integration tests of a run: one for each worker, so that test files at the
 * same time do not meet. All are stopped afterwards.
 */

import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { delimiter } from "node:path"
import { onInterrupt, run } from "./Process.ts"
import { combine, failed, passed, type Result, skipped } from "./Section.ts"

interface Available {
  /** The variable that names the kubeconfigs to `vitest.config.ts` and to `test/kubernetes/controlPlane.ts`. */
  readonly kubeconfigs: Readonly<Record<string, string>>
  /** Why there is no control plane, if so. */
  readonly reason: string | undefined
}

const up = "scripts/control-plane/up"
const down = "scripts/control-plane/down"

/** The tests mostly wait, so two cores carry this many workers with a control plane each, and the other tests. */
const planes = 3

const directories: ReadonlyArray<string> = Array.from(
  { length: planes },
  (_, index) => `.cache/test/control-plane/${index + 1}`
)

/** A cluster of the user is one, and its files run one after the other. */
const wanted = (): ReadonlyArray<string> =>
  process.env["KUBERNAUT_TEST_KUBECONFIG"] === undefined ? directories : directories.slice(0, 1)

/** The exit code for a machine without Go, without control plane binaries, and without a cluster supplied by the user. */
const notAvailable = 3

const start = (directory: string) => run(up, ["--dir", directory], { timeoutSeconds: 1200 })

export const withControlPlanes = async (tests: (available: Available) => Promise<Result>): Promise<Result> => {
  if (!existsSync(up)) return tests({ kubeconfigs: {}, reason: `no ${up}` })
  const removal = (directory: string) => ["--dir", directory, "--remove"]
  const interrupted = onInterrupt(() => {
    for (const directory of wanted()) spawnSync(down, removal(directory), { stdio: "ignore" })
  })
  try {
    // The first run builds the binary in about five minutes on two cores, while the others wait; later runs use the cache.
    const started = await Promise.all(wanted().map(start))
    const failure = started.find(({ code }) => code !== 0)
    if (failure?.code === notAvailable) {
      const reason = failure.output.trim().split("\n").at(-1) ?? "no control plane available"
      return combine([skipped("the real control plane", reason), await tests({ kubeconfigs: {}, reason })])
    }
    if (failure !== undefined) {
      const note = `$ ${up}\n${failure.output.trimEnd()}\nexit code ${failure.code}`
      return combine([failed(note), await tests({ kubeconfigs: {}, reason: "a control plane did not start" })])
    }
    const paths = started.map(({ stdout }) => stdout.trim().split("\n").at(-1) ?? "")
    const kubeconfigs = { KUBERNAUT_TEST_KUBECONFIGS: paths.join(delimiter) }
    return combine([passed, await tests({ kubeconfigs, reason: undefined })])
  } finally {
    interrupted()
    await Promise.all(wanted().map((directory) => run(down, removal(directory), { timeoutSeconds: 120 })))
  }
}
