/**
 * What the retry budget allows, as counted at the wire: ten extra attempts at once, a fifth of one for each request,
 * one for each second.
 *
 * The service pays for an attempt before the wait that precedes it, so this bucket also holds what is earned during the
 * longest wait.
 */

const ratio = 0.2
const burst = 10
const perSecond = 1
/**
 * The longest wait before an attempt: 5 s of `Retry-After` or back-off, a tenth of jitter, and the path to the wire.
 */
const longestWaitMs = 6_000

/** The budget of attempts at one peer, of one process. */
export class AttemptBucket {
  private tokens = Infinity
  private atMs: number
  private asked: number
  /** The number of requests at the start of the current window of the longest wait, and of the previous window. */
  private stretch = -1
  private before: readonly [previous: number, current: number]
  private readonly works = new WeakSet<object>()

  constructor(atMs: number, asked = 0) {
    this.atMs = atMs
    this.asked = asked
    this.before = [asked, asked]
  }

  /**
   * Counts an attempt of a request; `false` where there is no budget for it. `asked` is the number of requests so far.
   */
  attempt(work: object, atMs: number, asked = this.works.has(work) ? this.asked : this.asked + 1): boolean {
    const isExtra = this.works.has(work)
    if (!isExtra) this.works.add(work)
    const stretch = Math.floor(atMs / longestWaitMs)
    if (stretch !== this.stretch) this.before = [stretch === this.stretch + 1 ? this.before[1] : this.asked, this.asked]
    const capacity = burst + (perSecond * longestWaitMs) / 1000 + ratio * (asked - this.before[0])
    this.tokens = Math.min(
      capacity,
      this.tokens + (perSecond * (atMs - this.atMs)) / 1000 + ratio * (asked - this.asked)
    )
    this.stretch = stretch
    this.atMs = atMs
    this.asked = asked
    if (!isExtra) return true
    if (this.tokens < 1 - 1e-6) return false
    this.tokens -= 1
    return true
  }
}
