/**
 * A watch on a real API server: a list, then one long response after another, each continuing where the last one ended.
 *
 * The API server ends every watch after a while. Bookmarks keep the `resourceVersion` recent, so that reconnecting does
 * not fail with `Expired` after a long time without changes.
 */

import { Clock, Deferred, Duration, Effect, Option, Stream } from "effect"
import * as Monotonic from "../resilience/Monotonic.ts"
import type { ApiResource } from "./ApiResource.ts"
import { bookmark } from "./Bookmark.ts"
import * as ClientList from "./ClientList.ts"
import * as ClientRequest from "./ClientRequest.ts"
import { errorOf, parseJson, type Responses } from "./ClientResponse.ts"
import { NoResponse, type Opened, readBody, type Request, type Transport } from "./ClientTransport.ts"
import type { Resolve } from "./CustomKinds.ts"
import {
  type KubernetesClient,
  KubernetesError,
  type KubernetesObject,
  type WatchEvent,
  type WatchOptions
} from "./KubernetesClient.ts"
import * as OperationName from "./OperationName.ts"
import { seal } from "./SealedSecret.ts"
import { classify, type RequestContext } from "./StatusClassifier.ts"

/** How long one response stays open: less than the 30 to 60 minutes after which the API server ends it anyway. */
const watchSeconds = 240
/** How long the events before a list take to arrive on a watch that was opened before it. */
const caughtUpAfter = "1 second"
/** A response that is silent for this long after its end was due has lost its connection. */
const silenceSeconds = watchSeconds + 30
/** A response that ends sooner than this without an event is not replaced until this time has passed. */
const pauseMs = 1000
/** Reading pauses while more lines than this wait to be taken. */
const linesAhead = 500

interface WatchLine {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR"
  readonly object: KubernetesObject & { readonly code?: number }
}

const emptyLine: WatchLine = {
  type: "BOOKMARK",
  object: { metadata: {} } as KubernetesObject
}

/** The lines of a response in order, as they arrive; `undefined` at its end. */
const linesOf = ({ response }: Opened): Effect.Effect<ReadonlyArray<string> | undefined> => {
  let rest = ""
  let lines: Array<string> = []
  let ended = false
  let wake: () => void = () => {}
  response.setEncoding("utf8")
  response.on("data", (chunk: string) => {
    const parts = (rest + chunk).split("\n")
    rest = parts.pop() ?? ""
    lines.push(...parts)
    if (lines.length > linesAhead) response.pause()
    wake()
  })
  const end = () => {
    ended = true
    wake()
  }
  response.on("end", end)
  response.on("error", end)
  response.on("close", end)
  const take: Effect.Effect<ReadonlyArray<string> | undefined> = Effect.suspend(() => {
    if (lines.length > 0) {
      const taken = lines
      lines = []
      response.resume()
      return Effect.succeed(taken)
    }
    if (ended) return Effect.undefined
    return Effect.flatMap(
      Effect.callback<void>((resume) => {
        wake = () => resume(Effect.void)
      }),
      () => take
    )
  })
  return take
}

/** The position that a watch has reached, and when its current response was opened. */
interface Position {
  resourceVersion: string
  openedAtMs: number
  events: number
  /** Done when the first response has been opened. */
  readonly opened: Deferred.Deferred<void>
}

const expired = ({ operation }: RequestContext): KubernetesError =>
  new KubernetesError({ reason: { _tag: "Expired" }, operation, applied: "no", retryable: true })

/** The error that a line of type `ERROR` carries: a `metav1.Status`. */
const lineError = (context: RequestContext, { object }: WatchLine): KubernetesError =>
  object.code === 410
    ? expired(context)
    : classify(context, { _tag: "Response", status: object.code ?? 500, body: object, retryAfter: undefined })

/** The events of some lines. Advances the position past each of them, bookmarks included. */
const eventsOf = Effect.fnUntraced(function* (
  context: RequestContext,
  resource: ApiResource,
  position: Position,
  lines: ReadonlyArray<string>
) {
  const events: Array<WatchEvent> = []
  for (const text of lines) {
    const line = (parseJson(text) ?? emptyLine) as WatchLine
    if (line.type === "ERROR") return yield* lineError(context, line)
    position.resourceVersion = line.object.metadata.resourceVersion ?? position.resourceVersion
    events.push(
      line.type === "BOOKMARK"
        ? bookmark(resource, position.resourceVersion)
        : { type: line.type, object: seal({ ...line.object, apiVersion: resource.apiVersion, kind: resource.kind }) }
    )
  }
  position.events += events.filter(({ type }) => type !== "BOOKMARK").length
  return events
})

/** Opens a response that is closed with the scope, and fails unless it is a 200. */
const open = Effect.fnUntraced(function* (
  transport: Transport,
  timeout: Duration.Input,
  context: RequestContext,
  request: Request
) {
  const opened = yield* Effect.acquireRelease(
    transport.open(request).pipe(
      Effect.timeoutOrElse({ duration: timeout, orElse: () => Effect.fail(new NoResponse(true, true)) }),
      Effect.mapError((noResponse) => classify(context, noResponse))
    ),
    ({ close }) => Effect.sync(close)
  )
  if (opened.response.statusCode === 200) return opened
  const body = yield* Effect.orElseSucceed(
    Effect.timeoutOrElse(readBody(opened), { duration: timeout, orElse: () => Effect.succeed("") }),
    () => ""
  )
  return yield* errorOf(context, opened.response, body, yield* Clock.currentTimeMillis)
})

/** Waits before a response that ended at once, without an event, is replaced. */
const pause = Effect.fnUntraced(function* (position: Position) {
  const lastedMs = (yield* Monotonic.nowMs) - position.openedAtMs
  if (position.openedAtMs > 0 && position.events === 0 && lastedMs < pauseMs) yield* Effect.sleep(pauseMs)
  return position
})

const start = (resourceVersion: string): Position => ({
  resourceVersion,
  openedAtMs: 0,
  events: 0,
  opened: Deferred.makeUnsafe()
})

/**
 * Says that a continued watch has caught up: a consistent list is as new as everything that was missed. The server
 * sends bookmarks only once a minute.
 */
const caughtUp = (responses: Responses, resource: ApiResource, options: WatchOptions, position: Position) =>
  Deferred.await(position.opened).pipe(
    Effect.andThen(ClientList.readAll(responses, resource, { ...options, limit: 1, metadataOnly: true })),
    Effect.andThen(Effect.sleep(caughtUpAfter)),
    Effect.map(() => [bookmark(resource, position.resourceVersion)]),
    Effect.orElseSucceed((): ReadonlyArray<WatchEvent> => [])
  )

const watchResource = (
  transport: Transport,
  responses: Responses,
  timeout: Duration.Input,
  resource: ApiResource,
  options: WatchOptions
): Stream.Stream<WatchEvent, KubernetesError> => {
  const context: RequestContext = {
    operation: OperationName.ofKind("watch", resource.kind, options.namespace),
    writes: false
  }

  /** The events of one response, from the position on. */
  const response = (position: Position) =>
    Stream.unwrap(
      Effect.gen(function* () {
        const { resourceVersion } = position
        const request = ClientRequest.watch(resource, options, { resourceVersion, timeoutSeconds: watchSeconds })
        const opened = yield* open(transport, timeout, context, request)
        position.openedAtMs = yield* Monotonic.nowMs
        Deferred.doneUnsafe(position.opened, Effect.void)
        position.events = 0
        const lines = Effect.timeoutOrElse(linesOf(opened), {
          duration: Duration.seconds(silenceSeconds),
          orElse: () => Effect.undefined
        })
        return Stream.paginate(undefined, () =>
          Effect.gen(function* () {
            const taken = yield* lines
            if (taken === undefined) return [[], Option.none<undefined>()] as const
            return [yield* eventsOf(context, resource, position, taken), Option.some(undefined)] as const
          })
        )
      })
    )

  const changesFrom = (position: Position) => Stream.fromEffectRepeat(pause(position)).pipe(Stream.flatMap(response))

  const continued = (position: Position) =>
    options.bookmarks === true
      ? Stream.merge(changesFrom(position), Stream.fromIterableEffect(caughtUp(responses, resource, options, position)))
      : changesFrom(position)

  const events =
    options.from === undefined
      ? Stream.unwrap(
          Effect.gen(function* () {
            const { items, resourceVersion } = yield* ClientList.readAll(responses, resource, options)
            const existing = items.map((object): WatchEvent => ({ type: "ADDED", object }))
            return Stream.concat(
              Stream.fromIterable([...existing, bookmark(resource, resourceVersion)]),
              changesFrom(start(resourceVersion))
            )
          })
        )
      : continued(start(options.from))
  return options.bookmarks === true ? events : Stream.filter(events, ({ type }) => type !== "BOOKMARK")
}

/** `timeout` applies to the opening of each response, not to how long it stays open. */
export const make =
  (
    transport: Transport,
    responses: Responses,
    timeout: Duration.Input,
    resolve: Resolve
  ): KubernetesClient["Service"]["watch"] =>
  (kind, options) =>
    Stream.unwrap(
      Effect.map(resolve(kind, OperationName.ofKind("watch", kind, undefined)), (resource) =>
        watchResource(transport, responses, timeout, resource, options)
      )
    )
