/**
 * A real Alertmanager for the integration tests: the one on PATH, else Debian's package unpacked into .cache (nothing is
 * installed into the system, no service is started).
 */
import { existsSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { isInstalled, run } from "./Process.ts"

interface Found {
  readonly env: Readonly<Record<string, string>>
  readonly reason: string | undefined
}

const directory = ".cache/alertmanager"
const unpacked = join(directory, "usr/bin/prometheus-alertmanager")

const found = (program: string): Found => ({ env: { KUBERNAUT_TEST_ALERTMANAGER: program }, reason: undefined })

export const alertmanager = async (): Promise<Found> => {
  for (const program of ["alertmanager", "prometheus-alertmanager"]) {
    if (await isInstalled(program)) return found(program)
  }
  if (existsSync(unpacked)) return found(join(process.cwd(), unpacked))
  const none: Found = { env: {}, reason: "no Alertmanager on PATH, and Debian's package can't be had here" }
  if (!(await isInstalled("apt-get")) || !(await isInstalled("dpkg"))) return none
  mkdirSync(directory, { recursive: true })
  const script = "apt-get -qq download prometheus-alertmanager && dpkg -x prometheus-alertmanager_*.deb . && rm *.deb"
  const download = () => run("sh", ["-c", script], { timeoutSeconds: 120, cwd: directory })
  if ((await download()).code !== 0) {
    // A fresh machine has no package lists yet; only root may fetch them.
    await run("apt-get", ["-qq", "update"], { timeoutSeconds: 120 })
    await download()
  }
  return existsSync(unpacked) ? found(join(process.cwd(), unpacked)) : none
}
