/**
 * A token bucket per client address for the routes without authentication, so that requests for health, metrics and
 * docs cannot overload the service.
 *
 * At most `maxClients` buckets are kept. Beyond that, the least recently used bucket is dropped. This may allow a
 * request too early, but never refuses one.
 */

export interface RateLimitSettings {
  /**
   * The sustained rate of requests per second from one address. Default 20: a kubelet, Prometheus and a person with a
   * browser stay far below.
   */
  readonly perSecond?: number
  /** The burst of requests from one address. Default 100: enough for the first visit of the console with its assets. */
  readonly burst?: number
  /** The maximum number of addresses to remember. Default 10,000: a few megabytes. */
  readonly maxClients?: number
}

interface Bucket {
  tokens: number
  atMs: number
}

/** An IPv6 client owns a whole /64, so the first four groups identify it. */
export const clientOf = (address: string): string =>
  address.includes(":") && !address.includes(".") ? address.split(":").slice(0, 4).join(":") : address

export class RateLimit {
  readonly #perSecond: number
  readonly #burst: number
  readonly #maxClients: number
  // In the order of the latest request: the first one is dropped first.
  readonly #buckets = new Map<string, Bucket>()

  constructor(settings: RateLimitSettings = {}) {
    this.#perSecond = settings.perSecond ?? 20
    this.#burst = settings.burst ?? 100
    this.#maxClients = settings.maxClients ?? 10_000
  }

  get clients(): number {
    return this.#buckets.size
  }

  /** Returns 0 when the request is allowed, otherwise the number of milliseconds to wait. */
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
    // The small subtraction absorbs rounding errors: 1.0000000000000002 ms is 1 ms.
    if (bucket.tokens < 1) return Math.max(1, Math.ceil(((1 - bucket.tokens) * 1000) / this.#perSecond - 1e-6))
    bucket.tokens -= 1
    return 0
  }
}
