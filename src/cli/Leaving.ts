/**
 * How the process ends: the first signal stops the service gracefully, the second one ends the process at once.
 *
 * `process.exit` waits for what Node.js does in its threads. An operation of a file whose disk hangs never ends, so the
 * process would not either. It then becomes a program that only exits, with the same code: the system ends the threads
 * of the program before. A SIGKILL to itself would change the code, and the first process of a container ignores it.
 */

import { Effect, type Runtime } from "effect"
import * as FileOperations from "../storage/FileOperations.ts"
import { writeError } from "./Edge.ts"
import { exitCodeOf } from "./Kubernaut.ts"

/** After a graceful stop, a slow disk may still end what has begun. Kubernetes kills after 30 seconds. */
const patience = "5 seconds"
const lookEvery = "50 millis"

/** What Node.js does in its threads, as it names that. It names not all: `readFile` of a text is none of them. */
const inThreads: ReadonlySet<string> = new Set([
  "FSReqCallback",
  "FSReqPromise",
  "FileHandleCloseReq",
  "GetAddrInfoReqWrap",
  "GetNameInfoReqWrap"
])

const isHeldUp = (): boolean =>
  FileOperations.areUnderWay() || process.getActiveResourcesInfo().some((name) => inThreads.has(name))

/** Ends the process whatever its threads do. */
const breakOff = (code: number): void => {
  if (isHeldUp())
    writeError(
      `Kubernaut ends with exit code ${code} although an operation of a file, or the look-up of a host, has not ended: its disk may hang`
    )
  if (process.execve === undefined) process.kill(process.pid, "SIGKILL")
  else process.execve(process.execPath, [process.execPath, "--eval", `process.exit(${code})`], {})
}

const unlessHeldUp: Effect.Effect<void> = Effect.suspend(() =>
  isHeldUp() ? Effect.andThen(Effect.sleep(lookEvery), unlessHeldUp) : Effect.void
)

let signals = 0

/** Listens to the signals. `NodeRuntime.runMain` stops the service at the first one. */
export const listen = (): void => {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143]
  ] as const) {
    process.on(signal, () => {
      signals += 1
      if (signals > 1) breakOff(code)
    })
  }
}

/** Ends the process when its command has ended. A command that has succeeded ends by itself: nothing is left to do. */
export const teardown: Runtime.Teardown = (exit, onExit) => {
  const code = exitCodeOf(exit)
  if (code === 0 && signals === 0) return onExit(code)
  Effect.runFork(
    Effect.andThen(
      Effect.timeoutOption(unlessHeldUp, patience),
      Effect.sync(() => (isHeldUp() ? breakOff(code) : process.exit(code)))
    )
  )
}
