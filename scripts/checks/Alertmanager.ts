/** Finds a real Alertmanager for the integration tests. */

import { installInCi } from "./Debian.ts"
import { isInstalled } from "./Process.ts"

interface Found {
  readonly env: Readonly<Record<string, string>>
  /** Why none was found, if so. */
  readonly reason: string | undefined
}

const programs = ["alertmanager", "prometheus-alertmanager"]

const onPath = async (): Promise<string | undefined> => {
  for (const program of programs) {
    if (await isInstalled(program)) return program
  }
  return undefined
}

export const alertmanager = async (): Promise<Found> => {
  let program = await onPath()
  if (program === undefined) {
    await installInCi("prometheus-alertmanager")
    program = await onPath()
  }
  return program === undefined
    ? { env: {}, reason: `neither ${programs.join(" nor ")} is on PATH` }
    : { env: { KUBERNAUT_TEST_ALERTMANAGER: program }, reason: undefined }
}
