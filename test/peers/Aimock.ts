/**
 * A language model that is not ours: the npm package `@copilotkit/aimock`, which speaks the APIs of OpenAI and of
 * Anthropic over real HTTP, and fails in the ways of its own.
 */

import { type Fixture, LLMock, type MockServerOptions } from "@copilotkit/aimock"
import { Effect, type Scope } from "effect"

export type Kind = "openai" | "anthropic"

/** Starts it on loopback, without any answers. It stops when the scope closes. */
export const make = (options: MockServerOptions = {}): Effect.Effect<LLMock, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(() => LLMock.create({ host: "127.0.0.1", port: 0, ...options })),
    stop
  )

/** Refuses connections from now on. */
export const stop = (mock: LLMock): Effect.Effect<void> => Effect.promise(() => mock.stop().catch(() => undefined))

/** The base address, as the settings of a provider have it. */
export const urlFor = (mock: LLMock, kind: Kind): string => (kind === "openai" ? `${mock.url}/v1` : mock.url)

/** The requests that it has recorded. It records none that the client gave up on. */
export const seen = (mock: LLMock): number => mock.getRequests().length

/** An answer in the form that each API has for structured output: text, or the input of the forced tool. */
export const answering = (kind: Kind, answer: object): Fixture["response"] =>
  kind === "openai"
    ? { content: JSON.stringify(answer) }
    : { toolCalls: [{ name: "answer", arguments: JSON.stringify(answer) }] }
