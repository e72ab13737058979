/** Finds or builds the programs of others that integration tests use, and that are built once for each machine. */

import { run } from "./Process.ts"

interface Found {
  /** The variable that names it to the tests (`test/integration/BuiltOnce.ts`). */
  readonly env: Readonly<Record<string, string>>
  /** Why there is none, if so. */
  readonly reason: string | undefined
}

/** The exit code for a machine that cannot build it. */
const notAvailable = 3

const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? ""

const builtOnce = async (script: string, variable: string, timeoutSeconds: number): Promise<Found> => {
  if (process.env[variable] !== undefined) return { env: {}, reason: undefined }
  const { code, output, stdout } = await run(script, [], { timeoutSeconds })
  if (code === 0) return { env: { [variable]: lastLine(stdout) }, reason: undefined }
  // Without the variable, the test file calls the script itself, and fails with its message.
  return code === notAvailable ? { env: { [variable]: "" }, reason: lastLine(output) } : { env: {}, reason: undefined }
}

/** About four minutes on two cores. */
export const jaeger = () => builtOnce("scripts/jaeger/build", "KUBERNAUT_TEST_JAEGER", 1200)

/** About half a minute. The script gives up after six. */
export const holmesGpt = () => builtOnce("scripts/holmesgpt/install", "KUBERNAUT_TEST_HOLMESGPT", 600)
