/** What identifies the server and the account of a model, so that tiers which share one are known. Pure. */

import { hash } from "node:crypto"
import { Redacted } from "effect"

/** See `Investigator.account` and `Investigator.host`. */
export interface PeerIdentity {
  /** Absent without a key, and for a placeholder. */
  readonly account?: string
  /** Absent if the address is none. */
  readonly host?: string
}

/**
 * What people set as the key of a server that wants none, because a client insists on one: from the documentation of
 * vLLM, llama.cpp, Ollama, LM Studio, LocalAI, LiteLLM and others. It says nothing about whose account it is. In lower
 * case.
 */
const placeholders: ReadonlySet<string> = new Set([
  "-",
  "anything",
  "api-key",
  "api_key",
  "apikey",
  "changeme",
  "dummy",
  "dummy-key",
  "empty",
  "fake",
  "fake-key",
  "key",
  "lm-studio",
  "local",
  "localai",
  "n/a",
  "na",
  "no-key",
  "no-key-required",
  "none",
  "not-needed",
  "not-required",
  "not-used",
  "null",
  "ollama",
  "placeholder",
  "sk-111111111111111111111111111111111111111111111111",
  "sk-1234",
  "sk-dummy",
  "sk-empty",
  "sk-fake",
  "sk-no-key-required",
  "sk-none",
  "sk-placeholder",
  "sk-xxx",
  "test",
  "token-abc123",
  "undefined",
  "unused",
  "vllm",
  "x",
  "xxx"
])

const isPlaceholder = (key: Redacted.Redacted): boolean => placeholders.has(Redacted.value(key).trim().toLowerCase())

/** A digest identifies a key and does not give it away. It is in the database, and never in a log or a response. */
const digest = (key: Redacted.Redacted): string =>
  hash("sha256", `kubernaut account ${Redacted.value(key)}`).slice(0, 16)

/**
 * The identity of a server that is used with a key. A placeholder such as `EMPTY` is no key: unrelated servers have it.
 *
 * ```ts
 * import { PeerIdentity } from "kubernaut"
 *
 * const { host } = PeerIdentity.identityOf({ url: "https://api.openai.com/v1" })
 * host // => "api.openai.com"
 * ```
 */
export const identityOf = ({
  apiKey,
  url
}: {
  readonly url: string
  readonly apiKey?: Redacted.Redacted | undefined
}): PeerIdentity => ({
  ...(apiKey === undefined || isPlaceholder(apiKey) ? {} : { account: digest(apiKey) }),
  ...(URL.canParse(url) ? { host: new URL(url).host } : {})
})
