/**
 * The `Retry-After` header (RFC 9110, 10.2.3) as a time to wait.
 *
 * Only the form in seconds is read: a date would need the peer's clock to agree with ours, and the peers called here do
 * not send one. A wait of no known length is `undefined`, and the retry policy's own is used.
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
