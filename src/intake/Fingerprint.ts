/**
 * The fingerprint that Prometheus and Alertmanager compute for a set of labels, for senders that omit it.
 *
 * It is a 64-bit FNV-1a hash over the labels in byte order of their names, as 16 hex digits. Each name and each value
 * is followed by the byte 255, which does not occur in UTF-8. See `labelSetToFingerprint` in
 * github.com/prometheus/common/model.
 */

const offsetBasis = 0xcbf29ce484222325n
const prime = 0x100000001b3n
const mask = 0xffffffffffffffffn

const separator = Uint8Array.of(255)

/**
 * The fingerprint of a set of labels. It does not depend on their order.
 *
 * ```ts
 * import * as Fingerprint from "./Fingerprint.ts"
 *
 * Fingerprint.fingerprintOf({ alertname: "Watchdog", severity: "none" }) // => "448881ef475b9b26"
 * ```
 */
export const fingerprintOf = (labels: Readonly<Record<string, string>>): string => {
  const encoder = new TextEncoder()
  const encoded = Object.entries(labels).map(([name, value]) => [encoder.encode(name), encoder.encode(value)] as const)
  // Sort by value too: names that are not well-formed Unicode may become equal when encoded.
  encoded.sort(([a, x], [b, y]) => compareBytes(a, b) || compareBytes(x, y))
  let hash = offsetBasis
  for (const pair of encoded) {
    for (const part of pair) {
      for (const bytes of [part, separator]) {
        for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * prime) & mask
      }
    }
  }
  return hash.toString(16).padStart(16, "0")
}

const compareBytes = (a: Uint8Array, b: Uint8Array): number => {
  const shorter = Math.min(a.length, b.length)
  for (let index = 0; index < shorter; index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}
