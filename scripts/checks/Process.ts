/** Runs child processes with captured output and a time limit, and stops them all when the run is interrupted. */

import { spawn } from "node:child_process"
import { writeFileSync } from "node:fs"
import { constants, setPriority } from "node:os"

export interface Options {
  /** The process and its descendants are killed after this time. */
  readonly timeoutSeconds: number
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** The process computes only while others wait. */
  readonly lowPriority?: boolean
}

export interface Outcome {
  /** 0 on success; 128 + signal number after a signal; 127 if the program could not be started. */
  readonly code: number
  readonly stdout: string
  /** The output of both streams, in order. */
  readonly output: string
  readonly timedOut: boolean
}

const running = new Set<number>()
const cleanups = new Set<() => void>()

/** Kills every running process with its descendants, and runs the cleanups of `onInterrupt`. */
export const interruptAll = (): void => {
  for (const pid of running) kill(pid)
  for (const cleanup of cleanups) cleanup()
}

/** Registers a cleanup for an interrupted run. The returned function removes it. */
export const onInterrupt = (cleanup: () => void): (() => void) => {
  cleanups.add(cleanup)
  return () => cleanups.delete(cleanup)
}

const kill = (pid: number): void => {
  try {
    // Each child leads its own process group; the minus sign signals the whole group.
    process.kill(-pid, "SIGKILL")
  } catch {
    // The process has already ended.
  }
}

const low = 10

const yieldToOthers = (pid: number): void => {
  try {
    setPriority(pid, low)
    // Linux shares the cores among sessions first, and each child is a session of its own.
    writeFileSync(`/proc/${pid}/autogroup`, String(low))
  } catch {
    // Not Linux, or the process has already ended. It then competes with the others.
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
    if (pid !== undefined && options.lowPriority === true) yieldToOthers(pid)
    const timer = setTimeout(() => {
      timedOut = true
      output += `\ntimed out after ${options.timeoutSeconds} s\n`
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
