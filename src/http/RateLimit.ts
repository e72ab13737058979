/**
 * A token bucket per client address for the routes that are open to everybody, so that health, metrics and docs can't
 * be used to keep the service busy.
 *
 * It is memory and arithmetic only. At most `maxClients` buckets are kept; when more addresses come, the ones that
 * asked longest ago are forgotten, which only ever lets somebody ask sooner.
 */
export interface RateLimitSettings {
  /**
   * Requests a second that one address may go on making. Default 20: a kubelet, a Prometheus and a person with a
   * browser stay far below.
   */
  readonly perSecond?: number
  /** Requests that one address may make at once. Default 100: the first visit of the console and its assets. */
  readonly burst?: number
  /** Default 10,000, some megabytes. */
  readonly maxClients?: number
}

interface Bucket {
  tokens: number
  atMs: number
}

/** IPv6 clients own a whole /64, so the first four groups name the client. */
export const clientOf = (address: string): string =>
  address.includes(":") && !address.includes(".") ? address.split(":").slice(0, 4).join(":") : address

export class RateLimit {
  readonly #perSecond: number
  readonly #burst: number
  readonly #maxClients: number
  // In the order of the last request: the first is the one to forget.
  readonly #buckets = new Map<string, Bucket>()

  constructor(settings: RateLimitSettings = {}) {
    this.#perSecond = settings.perSecond ?? 20
    this.#burst = settings.burst ?? 100
    this.#maxClients = settings.maxClients ?? 10_000
  }

  get clients(): number {
    return this.#buckets.size
  }

  /** 0 when the request may go on, else how many milliseconds to wait at least. */
  take(address: string, nowMs: number): number {
    const client = clientOf(address)
    const bucket = this.#buckets.get(client) ?? { tokens: this.#burst, atMs: nowMs }
    this.#buckets.delete(client)
    this.#buckets.set(client, bucket)
    if (this.#buckets.size > this.#maxClients) {
      const oldest = this.#buckets.keys().next().value
      if (oldest !== undefined) this.#buckets.delete(oldest)
    }
    bucket.tokens = Math.min(this.#burst, bucket.tokens + (Math.max(0, nowMs - bucket.atMs) * this.#perSecond) / 1000)
    bucket.atMs = nowMs
    // Less a millionth: 1.0000000000000002 ms are one.
    if (bucket.tokens < 1) return Math.max(1, Math.ceil(((1 - bucket.tokens) * 1000) / this.#perSecond - 1e-6))
    bucket.tokens -= 1
    return 0
  }
}
