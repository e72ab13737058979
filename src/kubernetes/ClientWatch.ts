/**
 * A watch on a real API server: a list, then one long response after another, each continuing where the last one ended.
 *
 * The API server ends every watch after a while. Bookmarks keep the `resourceVersion` recent, so that reconnecting does
 * not fail with `Expired` after a long time without changes.
 *
 * A watch that continues has caught up when it has come to a version that a consistent list had after it was opened.
 * Only the server can tell, by an event or a bookmark of at least that version. It sends bookmarks once a minute, and
 * in the last seconds of a response: the first responses are therefore short.
 */

import { Clock, Deferred, Duration, Effect, Option, Stream } from "effect"
import * as Monotonic from "../resilience/Monotonic.ts"
import * as TimeLimit from "../resilience/TimeLimit.ts"
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
import { isNotNewer } from "./ResourceVersion.ts"
import { seal } from "./SealedSecret.ts"
import { classify, type RequestContext } from "./StatusClassifier.ts"

/** How long one response stays open: less than the 30 to 60 minutes after which the API server ends it anyway. */
const watchSeconds = 240
/** How long a response stays open while it is not known that the watch has caught up: its bookmarks come after 1 s. */
const shortSeconds = 3
/** More short responses are not tried: such a server sends no early bookmarks. */
const mostShort = 5
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

/** The lines of a response in order, as they arrive. */
interface Lines {
  /** Waits until there are lines to take, or the response has ended. */
  readonly arrived: Effect.Effect<void>
  /** Takes what is there. `undefined`: the response has ended. */
  readonly take: () => ReadonlyArray<string> | undefined
}

const linesOf = ({ response }: Opened): Lines => {
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
  return {
    arrived: Effect.suspend(() =>
      lines.length > 0 || ended
        ? Effect.void
        : Effect.callback<void>((resume) => {
            wake = () => resume(Effect.void)
          })
    ),
    take: () => {
      if (lines.length === 0) return ended ? undefined : []
      const taken = lines
      lines = []
      response.resume()
      return taken
    }
  }
}

/** The position that a watch has reached, and when its current response was opened. */
interface Position {
  resourceVersion: string
  openedAtMs: number
  events: number
  responses: number
  /** Nobody was told that the watch has caught up, and a bookmark is due when it has. */
  isBehind: boolean
  /** The version at which it has caught up, or why it could not be read. */
  readonly goal: Deferred.Deferred<string, KubernetesError>
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

/** The bookmark that is due when the watch has come to its goal: after the events up to there, and once. */
const reached = (resource: ApiResource, position: Position, goal: string | undefined): ReadonlyArray<WatchEvent> => {
  if (!position.isBehind || !isNotNewer(goal, position.resourceVersion)) return []
  position.isBehind = false
  return [bookmark(resource, position.resourceVersion)]
}

/** The goal, if it is known; it fails if it could not be read. */
const goalOf = ({ goal }: Position): Effect.Effect<string | undefined, KubernetesError> =>
  Effect.suspend(() => (Deferred.isDoneUnsafe(goal) ? Deferred.await(goal) : Effect.undefined))

/** The events of some lines. Advances the position past each of them, bookmarks included. */
const eventsOf = Effect.fnUntraced(function* (
  context: RequestContext,
  resource: ApiResource,
  position: Position,
  lines: ReadonlyArray<string>
) {
  const goal = yield* goalOf(position)
  const events: Array<WatchEvent> = [...reached(resource, position, goal)]
  for (const text of lines) {
    const line = (parseJson(text) ?? emptyLine) as WatchLine
    if (line.type === "ERROR") return yield* lineError(context, line)
    position.resourceVersion = line.object.metadata.resourceVersion ?? position.resourceVersion
    if (line.type !== "BOOKMARK")
      events.push({
        type: line.type,
        object: seal({ ...line.object, apiVersion: resource.apiVersion, kind: resource.kind })
      })
    else if (!position.isBehind) events.push(bookmark(resource, position.resourceVersion))
    events.push(...reached(resource, position, goal))
  }
  position.events += events.filter(({ type }) => type !== "BOOKMARK").length
  return events
})

/** Opens a response that is closed with the scope, and fails unless it is a 200. */
const open = Effect.fnUntraced(function* (
  transport: Transport,
  timeout: Duration.Input,
  excuses: TimeLimit.Excuses,
  context: RequestContext,
  request: Request
) {
  const opened = yield* Effect.acquireRelease(
    transport.open(request).pipe(
      TimeLimit.within(excuses, timeout, (isExcused) => Effect.fail(new NoResponse(true, true, { isExcused }))),
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

const start = (resourceVersion: string, isBehind: boolean): Position => ({
  resourceVersion,
  openedAtMs: 0,
  events: 0,
  responses: 0,
  isBehind,
  goal: Deferred.makeUnsafe(),
  opened: Deferred.makeUnsafe()
})

/** Finds the goal of a watch that continues: the version of a consistent list that was read after it was opened. */
const findGoal = (responses: Responses, resource: ApiResource, options: WatchOptions, { goal, opened }: Position) =>
  Deferred.await(opened).pipe(
    Effect.andThen(ClientList.readAll(responses, resource, { ...options, limit: 1, metadataOnly: true })),
    Effect.map(({ resourceVersion }) => resourceVersion),
    Deferred.into(goal)
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
  const excuses = new TimeLimit.Excuses()

  /** The events of one response, from the position on. */
  const response = (position: Position) =>
    Stream.unwrap(
      Effect.gen(function* () {
        const { resourceVersion } = position
        const isShort = position.isBehind && position.responses++ < mostShort
        const timeoutSeconds = isShort ? shortSeconds : watchSeconds
        const request = ClientRequest.watch(resource, options, { resourceVersion, timeoutSeconds })
        const opened = yield* open(transport, timeout, excuses, context, request)
        position.openedAtMs = yield* Monotonic.nowMs
        Deferred.doneUnsafe(position.opened, Effect.void)
        position.events = 0
        const lines = linesOf(opened)
        const isSilent = Effect.delay(Effect.succeed(true), Duration.seconds(silenceSeconds))
        const arrived = Effect.as(lines.arrived, false)
        const goal = Effect.as(Deferred.await(position.goal), false)
        return Stream.paginate(undefined, () =>
          Effect.gen(function* () {
            const isAwaited = position.isBehind && !Deferred.isDoneUnsafe(position.goal)
            const gaveUp = yield* Effect.raceAllFirst([arrived, isSilent, ...(isAwaited ? [goal] : [])])
            const taken = gaveUp ? undefined : lines.take()
            if (taken === undefined) return [[], Option.none<undefined>()] as const
            return [yield* eventsOf(context, resource, position, taken), Option.some(undefined)] as const
          })
        )
      })
    )

  const changesFrom = (position: Position) => Stream.fromEffectRepeat(pause(position)).pipe(Stream.flatMap(response))

  const continued = (position: Position) =>
    position.isBehind
      ? Stream.unwrap(
          Effect.as(Effect.forkScoped(findGoal(responses, resource, options, position)), changesFrom(position))
        )
      : changesFrom(position)

  const events =
    options.from === undefined
      ? Stream.unwrap(
          Effect.gen(function* () {
            const { items, resourceVersion } = yield* ClientList.readAll(responses, resource, options)
            const existing = items.map((object): WatchEvent => ({ type: "ADDED", object }))
            return Stream.concat(
              Stream.fromIterable([...existing, bookmark(resource, resourceVersion)]),
              changesFrom(start(resourceVersion, false))
            )
          })
        )
      : continued(start(options.from, options.bookmarks === true))
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
