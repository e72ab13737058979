/**
 * Debian's packages for tests that need a program from there. Only a CI machine is changed that way: on yours, what is
 * missing is skipped and named.
 */

import { isInstalled, run } from "./Process.ts"

/**
 * Installs a package quietly if this is CI, on Debian, as root. Whether that worked shows when the program is looked
 * for.
 */
export const installInCi = async (name: string): Promise<void> => {
  if (process.env["CI"] === undefined || process.getuid?.() !== 0 || !(await isInstalled("apt-get"))) return
  const options = {
    timeoutSeconds: 180,
    // Run level 1: a service that comes with the package is not started.
    env: { DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" }
  }
  const install = () => run("apt-get", ["-qq", "install", "-y", "--no-install-recommends", name], options)
  // A fresh machine has no package lists yet.
  if ((await install()).code !== 0) {
    await run("apt-get", ["-qq", "update"], options)
    await install()
  }
}
