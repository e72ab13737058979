/**
 * Installs Debian packages that tests need, in CI only. On other machines, tests without their program are skipped, and
 * the skip is reported.
 */

import { isInstalled, run } from "./Process.ts"

/** Installs a package in CI, on Debian, as root. Does not report failure: the caller checks for the program. */
export const installInCi = async (name: string): Promise<void> => {
  if (process.env["CI"] === undefined || process.getuid?.() !== 0 || !(await isInstalled("apt-get"))) return
  const options = {
    timeoutSeconds: 180,
    // Run level 1 keeps the package from starting a service.
    env: { DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" }
  }
  const install = () => run("apt-get", ["-qq", "install", "-y", "--no-install-recommends", name], options)
  // A fresh machine has no package lists yet.
  if ((await install()).code !== 0) {
    await run("apt-get", ["-qq", "update"], options)
    await install()
  }
}
