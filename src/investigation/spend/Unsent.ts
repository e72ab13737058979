/** Whether an error says that a request never left: there was no connection to send it on. */

/**
 * The codes of name resolution, of connecting, and of a TLS handshake that ends before a request is written: the server
 * speaks no TLS, or its certificate is not trusted. After any other one, something may have been sent.
 */
const codes = new Set([
  "ECONNREFUSED",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "UND_ERR_CONNECT_TIMEOUT",
  "ERR_SSL_PACKET_LENGTH_TOO_LONG",
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "CERT_REVOKED",
  "CERT_UNTRUSTED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE"
])

/** Errors of HTTP clients wrap that of the socket. */
const deepest = 5

/** Looks through the causes of the error. */
export const isUnsent = (error: unknown): boolean => {
  let each: unknown = error
  for (let depth = 0; depth < deepest && typeof each === "object" && each !== null; depth++) {
    const code: unknown = Reflect.get(each, "code")
    if (typeof code === "string" && codes.has(code)) return true
    // Node tries each address of a name, and reports all of them.
    const all: unknown = Reflect.get(each, "errors")
    if (Array.isArray(all) && all.length > 0 && all.every(isUnsent)) return true
    each = Reflect.get(each, "cause")
  }
  return false
}
