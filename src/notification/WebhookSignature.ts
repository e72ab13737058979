/**
 * The signature of a webhook, as the Standard Webhooks specification defines it (`v1`), so that receivers can check it
 * with a library that exists for most languages.
 *
 * | header              | value                                                                            |
 * | ------------------- | -------------------------------------------------------------------------------- |
 * | `webhook-id`        | the idempotency key: every attempt to send a message has the same                |
 * | `webhook-timestamp` | seconds since 1970 at the attempt                                                |
 * | `webhook-signature` | `v1,` and HMAC-SHA-256 over `<id>.<timestamp>.<body>` with the secret, in base64 |
 *
 * A receiver computes the signature over the bytes that it received, compares in constant time, refuses a timestamp
 * that is more than five minutes off, and ignores an id that it has seen.
 */

import { createHmac } from "node:crypto"

const prefix = "whsec_"

/** The key of a secret: the bytes in base64 after `whsec_`, and otherwise the text itself. */
const keyOf = (secret: string): Buffer =>
  secret.startsWith(prefix) ? Buffer.from(secret.slice(prefix.length), "base64") : Buffer.from(secret, "utf8")

/** The headers of one attempt. */
export const signed = (
  secret: string,
  { body, id, timestampSeconds }: { readonly id: string; readonly timestampSeconds: number; readonly body: string }
): Readonly<Record<string, string>> => ({
  "webhook-id": id,
  "webhook-timestamp": String(timestampSeconds),
  "webhook-signature": `v1,${createHmac("sha256", keyOf(secret)).update(`${id}.${timestampSeconds}.${body}`).digest("base64")}`
})
