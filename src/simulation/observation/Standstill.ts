/**
 * The pauses of a process, as observed from outside.
 *
 * Everything that becomes due during a pause runs in the moment in which the process resumes, in any order, and the
 * next pause may begin in that moment (a disk that is slow at every commit). So nothing is late as long as the process
 * has been paused ever since it was due. While a process runs, a moment ends only when nothing is left to do in it;
 * what is not done in the next one is late.
 */
export class Standstill {
  private sinceMs = Infinity
  private untilMs = -1

  /** A new process has booted. */
  booted(): void {
    this.sinceMs = Infinity
    this.untilMs = -1
  }

  paused(atMs: number, forMs: number): void {
    if (atMs > this.untilMs) this.sinceMs = atMs
    this.untilMs = atMs + forMs
  }

  /** Since when the process is paused, where it is paused or resumes at `atMs`; else `atMs` itself. */
  since(atMs: number): number {
    return atMs <= this.untilMs ? this.sinceMs : atMs
  }

  /** When the process resumes, where it is paused; else `atMs` itself. */
  resumesAt(atMs: number): number {
    return Math.max(atMs, this.untilMs)
  }

  /** Whether work that was due at `dueMs` is late at `atMs`. */
  isLate(dueMs: number, atMs: number): boolean {
    return dueMs < this.since(atMs)
  }
}
