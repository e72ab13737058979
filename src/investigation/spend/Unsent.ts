/** Whether an error says that a request never left: there was no connection to send it on. */

/** The codes of name resolution and of connecting. After any other one, something may have been sent. */
const codes = new Set([
  "ECONNREFUSED",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "UND_ERR_CONNECT_TIMEOUT"
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
