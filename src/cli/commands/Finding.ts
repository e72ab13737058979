/** One result of `kubernaut doctor`. */

export interface Finding {
  readonly check: string
  /** `warning`: the service runs, but with reduced function. */
  readonly result: "ok" | "warning" | "failed"
  readonly message: string
}

export const ok = (check: string, message: string): Finding => ({ check, result: "ok", message })
