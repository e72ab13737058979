/**
 * When a process can do nothing, as seen from outside: between a pause of it and the moment at which it goes on.
 *
 * What was due meanwhile comes all in that one moment, in any order, and the next pause may begin in it (a disk that is
 * slow at every commit). So nobody is to be blamed for what is not done yet as long as the process has stood still ever
 * since it was to be done. While it runs a moment ends only when nothing is left to do in it, and what is not done in
 * the next one is late.
 */
export class Standstill {
  private sinceMs = Infinity
  private untilMs = -1

  /** A new process runs. */
  booted(): void {
    this.sinceMs = Infinity
    this.untilMs = -1
  }

  paused(atMs: number, forMs: number): void {
    if (atMs > this.untilMs) this.sinceMs = atMs
    this.untilMs = atMs + forMs
  }

  /** Since when it has been standing still, where it still does or only now goes on; else `atMs` itself. */
  since(atMs: number): number {
    return atMs <= this.untilMs ? this.sinceMs : atMs
  }

  /** When it goes on, where it stands still; else `atMs` itself. */
  goesOn(atMs: number): number {
    return Math.max(atMs, this.untilMs)
  }

  /** Whether what was to be done at a moment is late at a later one. */
  isLate(dueMs: number, atMs: number): boolean {
    return dueMs < this.since(atMs)
  }
}
