/**
 * Child processes of the checks: output captured, a time limit on each, and none left behind when the run is
 * interrupted.
 */

import { spawn } from "node:child_process"
import { constants } from "node:os"

export interface Options {
  /** After so many seconds the process and all it started are killed. */
  readonly timeoutSeconds: number
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

export interface Outcome {
  /** 0 is success; 128 + signal where a signal ended it; 127 where the program could not be started. */
  readonly code: number
  readonly stdout: string
  /** What it printed on both streams, in order. */
  readonly output: string
  readonly timedOut: boolean
}

const running = new Set<number>()
const cleanups = new Set<() => void>()

/** Ends every process still running, with what it started, and does what `onInterrupt` asked for. */
export const interruptAll = (): void => {
  for (const pid of running) kill(pid)
  for (const cleanup of cleanups) cleanup()
}

/** Has `cleanup` done if the run is interrupted; the answer takes it back. */
export const onInterrupt = (cleanup: () => void): (() => void) => {
  cleanups.add(cleanup)
  return () => cleanups.delete(cleanup)
}

const kill = (pid: number): void => {
  try {
    // Each child leads a process group of its own: the minus sign reaches what it started as well.
    process.kill(-pid, "SIGKILL")
  } catch {
    // It has ended meanwhile.
  }
}

export const run = (command: string, args: ReadonlyArray<string>, options: Options): Promise<Outcome> =>
  new Promise((resolve) => {
    let stdout = ""
    let output = ""
    let timedOut = false
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, NO_COLOR: "1", ...options.env },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"]
    })
    const pid = child.pid
    if (pid !== undefined) running.add(pid)
    const timer = setTimeout(() => {
      timedOut = true
      output += `\nstopped after ${options.timeoutSeconds} s\n`
      if (pid !== undefined) kill(pid)
    }, options.timeoutSeconds * 1000)
    const done = (code: number): void => {
      clearTimeout(timer)
      if (pid !== undefined) running.delete(pid)
      resolve({ code, stdout, output, timedOut })
    }
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text
      output += text
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output += text
    })
    child.on("error", (error) => {
      output += `${command}: ${error.message}\n`
      done(127)
    })
    child.on("close", (code, signal) => done(code ?? 128 + (signal === null ? 0 : constants.signals[signal])))
  })

/** Whether a program of this name is on PATH. */
export const isInstalled = async (program: string): Promise<boolean> =>
  (await run("sh", ["-c", 'command -v "$1"', "sh", program], { timeoutSeconds: 10 })).code === 0
