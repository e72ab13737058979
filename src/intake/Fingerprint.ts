/**
 * The identity that Prometheus and Alertmanager give a set of labels, for senders that leave it out.
 *
 * FNV-1a with 64 bits over the labels in the byte order of their names, each name and each value followed by the byte
 * 255, which no UTF-8 text contains; written as 16 hex digits. (`labelSetToFingerprint` of
 * github.com/prometheus/common/model.)
 */

const offsetBasis = 0xcbf29ce484222325n
const prime = 0x100000001b3n
const mask = 0xffffffffffffffffn

const separator = Uint8Array.of(255)

/**
 * The fingerprint of a set of labels, whatever order they come in.
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
  // By value too: names that are no proper Unicode may be equal once they are encoded.
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
