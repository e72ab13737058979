/** A file whose operations hang, as on a disk that does not answer. */

import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync } from "node:fs"
import { dirname } from "node:path"
import { Effect, type Scope } from "effect"

/**
 * Waits for a line, or five seconds. Then what hangs ends, and reads the content that the file has. The content waits
 * for two seconds for a reader, which may do something else before.
 */
const releasing = `
  read -t 5 line
  exec 3<>"$1"; printf %s "$2" >&3
  for turn in {1..100}; do read -t 0 -u 3 || break; sleep 0.02; done; sleep 0.05; exec 3>&-
  for turn in 1 2 3 4 5; do [ -p "$1" ] || exit; exec 3<>"$1"; sleep 0.02; exec 3>&-; sleep 0.02; done
`

export interface HungFile {
  /** Whether its operations hang. After five seconds they end all the same: a test must fail, and not hang. */
  readonly hangs: () => boolean
  /** Returns when they have ended. */
  readonly release: Effect.Effect<void>
}

/** Makes the file. It hangs until it is released, or the scope closes. */
export const hung = (path: string, content = ""): Effect.Effect<HungFile, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      mkdirSync(dirname(path), { recursive: true })
      execFileSync("mkfifo", [path])
      const child = spawn("bash", ["-c", releasing, "bash", path, content], { stdio: ["pipe", "ignore", "ignore"] })
      return {
        hangs: () => child.exitCode === null,
        release: Effect.promise(async () => {
          if (child.exitCode !== null) return
          const ended = once(child, "exit")
          child.stdin.end("\n")
          await ended
        })
      }
    }),
    ({ release }) => release
  )
