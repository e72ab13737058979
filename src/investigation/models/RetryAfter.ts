/**
 * The `Retry-After` header (RFC 9110, 10.2.3) in milliseconds.
 *
 * Only the form in seconds is supported. A date would require the peer's clock to agree with ours, and these peers do
 * not send one. Any other value gives `undefined`, and the retry policy decides the delay.
 */
export const retryAfterMs = (header: string | null | undefined): number | undefined => {
  const seconds =
    header === null || header === undefined
      ? Number.NaN
      : /^\s*\d+(\.\d+)?\s*$/.test(header)
        ? Number(header)
        : Number.NaN
  return Number.isFinite(seconds) ? seconds * 1000 : undefined
}
