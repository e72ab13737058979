/**
 * What a provider's error is about, by its status, its codes and its words. Pure.
 *
 * Vendors and gateways report the same thing with different statuses: an account without money is a 402, a 400 or a 429.
 * The words are those of OpenAI, Anthropic, Azure and its API Management, Amazon Bedrock, Google, DashScope, Groq,
 * LiteLLM, New API, OpenRouter, DeepSeek, xAI, vLLM, Text Generation Inference, llama.cpp and Ollama, from their
 * references and public reports. They only choose between reasons. None of them is passed on.
 *
 * A server that rejects a request may quote it, and anyone who can write an alert or a log line has written parts of
 * it. So words that are also in our request say nothing about the account.
 */

/** An error as a provider reports it. */
export interface VendorError {
  /** Of the response, or of an error in the middle of a stream as far as it has one. */
  readonly status: number
  /** The codes and types of the error's body. */
  readonly codes: ReadonlyArray<unknown>
  readonly message: string
  /** What was sent, which the message may quote. Absent: nothing from outside was. */
  readonly request?: string | undefined
}

/** The letters and digits of a text, without the line breaks and quotes that an encoding has escaped. */
const bare = (text: string): string =>
  text
    .toLowerCase()
    .replace(/\\+(?:[nrt]|u[0-9a-f]{4})/g, "")
    .replace(/[^\p{L}\p{N}]/gu, "")

/** What a pattern finds in a message that is not in the request too: the vendor's own words. */
export const ownWords = (
  pattern: RegExp,
  { message, request = "" }: Pick<VendorError, "message" | "request">
): RegExpMatchArray | undefined => {
  const found = [...message.matchAll(new RegExp(pattern, "gis"))]
  if (found.length === 0 || request === "") return found[0]
  const sent = bare(request)
  return found.find(([words]) => !sent.includes(bare(words)))
}

/** What an error is about, where its status does not say it. */
export type Subject = "quota" | "key" | "context-length" | "refusal" | undefined

const quotaCodes =
  /^(insufficient_quota|insufficient_user_quota|Arrearage|billing_hard_limit_reached|billing_not_active|billing_error|budget_exceeded|ServiceQuotaExceededException)$/
const quotaWords =
  /insufficient (quota|credits?|balance|funds)|credit balance is too low|exceeded your current quota|billing (hard )?limit|account is not active|budget has been exceeded|exceeded ?budget|over (its|your|the) budget|requires more credits|(spending|credit|key) limit|usage limits|(out of|no|any|available) credits|payment required|ServiceQuotaExceeded|quota is not enough|out of call volume quota|account is in good standing/i

/** A limit that says when to ask again is a rate limit, whatever it is called. */
const again = /(retry|try again) (in|after)\b/i

/** Google and xAI reject a key with a 400. */
const keyWords = /API key (not valid|expired)|incorrect API key/i

const contextCodes = /^(context_length_exceeded|exceed_context_size_error|string_above_max_length|request_too_large)$/
const contextWords =
  /maximum context length|context (length|size|window)|(prompt|input) (is )?too long|too many (input|total|prompt) tokens|token count .{0,60}exceeds|exceeds? the (model'?s )?max(imum)? (input )?(length|(number of )?(input )?tokens)|exceed context limit|reduce the length of the (messages|prompt|input)|tokens.{0,40} must be <= \d|must have less than \d{1,9} tokens/i

/** A request that exceeds the tokens of a whole minute: waiting does not help. Groq says so with a 413, OpenAI with a 429. */
const tooLargeWords = /request too large\b.{0,300}?(must be reduced|reduce your message size)/i

const refusalCodes = /^(content_filter|content_policy_violation|ResponsibleAIPolicyViolation)$/
const refusalWords = /content (management|filtering|filter|policy)|safety system|blocked by .{0,40}polic/i

const says = (pattern: RegExp, codes: ReadonlyArray<unknown>): boolean =>
  codes.some((code) => typeof code === "string" && pattern.test(code))

const isRejection = (status: number): boolean => status === 400 || status === 413 || status === 422

/** Finds out what an error is about. */
export const subjectOf = ({ codes, message, request, status }: VendorError): Subject => {
  if (status === 402 || says(quotaCodes, codes)) return "quota"
  const mayBeQuota = (status === 400 || status === 403 || status === 429) && !again.test(message)
  if (mayBeQuota && ownWords(quotaWords, { message, request }) !== undefined) return "quota"
  if (status === 400 && ownWords(keyWords, { message, request }) !== undefined) return "key"
  if (says(contextCodes, codes) || (isRejection(status) && contextWords.test(message))) return "context-length"
  const mayBeTooLarge = isRejection(status) || status === 429
  if (mayBeTooLarge && ownWords(tooLargeWords, { message, request }) !== undefined) return "context-length"
  return says(refusalCodes, codes) || (isRejection(status) && refusalWords.test(message)) ? "refusal" : undefined
}

/**
 * How long a prompt is, and how long it may be, in the words of OpenAI, vLLM, Anthropic, Google, Text Generation
 * Inference and Groq.
 */
const sizes =
  /maximum context length is (?<limit>\d{1,9}) tokens.{0,60}?\b(?<tokens>\d{1,9}) (?:input )?tokens|too long: (?<tokens>\d{1,9}) tokens > (?<limit>\d{1,9})|token count \(?(?<tokens>\d{1,9})\)? exceeds .{0,60}?\b(?<limit>\d{1,9})|must (?:be <=|have less than) (?<limit>\d{1,9})(?: tokens)?\. Given: (?<tokens>\d{1,9})|\(TPM\): Limit (?<limit>\d{1,9}), Requested (?<tokens>\d{1,9})/is

/** The share of a prompt that fits into the context, below 1, where a text says how long both are. */
export const shareThatFits = (message: string, request?: string): number | undefined => {
  const { limit, tokens } = ownWords(sizes, { message, request })?.groups ?? {}
  const share = Number(limit) / Number(tokens)
  return share > 0 && share < 1 ? share : undefined
}

const resetWords =
  /(?:regain access|available again|resets?|renews?) (?:on|at) (\d{4}-\d\d-\d\d)(?:(?: at |T| )(\d\d:\d\d)(?::\d\d)? ?(?:UTC|Z))?/i

/** When an account has money again, in milliseconds since the epoch, where a text names the day: at its beginning. */
export const resetAtMsIn = (message: string, request?: string): number | undefined => {
  const [, day, time = "00:00"] = ownWords(resetWords, { message, request }) ?? []
  const millis = day === undefined ? Number.NaN : Date.parse(`${day}T${time}:00Z`)
  return Number.isNaN(millis) ? undefined : millis
}

/** The status of an error in the middle of a stream, by the code or type that it has instead. */
const statuses: Readonly<Record<string, number>> = {
  api_error: 500,
  authentication_error: 401,
  invalid_request_error: 400,
  not_found_error: 404,
  overloaded_error: 529,
  permission_error: 403,
  rate_limit_error: 429,
  rate_limit_exceeded: 429,
  requests: 429,
  timeout_error: 504,
  tokens: 429
}

/** The status of an error without a status of its own. One that nobody knows is the provider's own. */
export const statusIn = (codes: ReadonlyArray<unknown>): number => {
  for (const code of codes) {
    const number = typeof code === "number" ? code : typeof code === "string" && /^\d{3}$/.test(code) ? Number(code) : 0
    if (number >= 400 && number < 600) return number
    const known = typeof code === "string" ? statuses[code] : undefined
    if (known !== undefined) return known
  }
  return 500
}
