/**
 * The port to a real API server, with the credentials that `@kubernetes/client-node` reads from a kubeconfig or a
 * ServiceAccount.
 *
 * **Details**
 *
 * - Patches are JSON Patch; every write carries the field manager; a dry run is the server's own (`dryRun=All`).
 * - Lists are read in pages of 500 from one consistent snapshot.
 * - A 401 renews the credentials (a rotated token file, an exec plugin) and asks once more; nothing was done by the
 *   refused request.
 * - Nothing else is retried here: that is the pipeline's work, which knows budgets and breakers.
 *
 * **Gotchas**
 *
 * A timeout or an interruption of a write closes the socket but not what the server has begun: its outcome is
 * `unknown`.
 */

import { Duration, Effect, Layer, Option, Stream } from "effect"
import type { Change } from "../domain/Change.ts"
import { displayName, type ResourceRef } from "../domain/Target.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { type ApiResource, collectionPath, find, objectPath, unknownKind } from "./ApiResource.ts"
import {
  type ConnectionError,
  type ConnectionOptions,
  exchange,
  make as makeTransport,
  NoAnswer,
  type Opened,
  readBody,
  type Request,
  type Transport
} from "./ClientTransport.ts"
import {
  KubernetesClient,
  KubernetesError,
  type KubernetesObject,
  type ListOptions,
  type WatchEvent
} from "./KubernetesClient.ts"
import { type Asked, classify } from "./StatusClassifier.ts"

export interface ClientNodeOptions extends ConnectionOptions {
  /** For a whole request with its answer. Default 10 seconds. */
  readonly requestTimeout?: Duration.Input | undefined
  /**
   * The name under which writes appear in `managedFields` and in the audit log's field manager. Default `kubernaut`.
   */
  readonly fieldManager?: string | undefined
}

const pageSize = 500
// Enough for the tail that evidence reads, whatever the length of a line.
const logBytes = 1024 * 1024
/** How long a watch is left open before it is taken up anew; below the API server's own 30 to 60 minutes. */
const watchSeconds = 240
/** A watch that ends sooner without an event waits this long before it is taken up again. */
const watchPauseMs = 1000

const query = (parameters: Readonly<Record<string, string | number | boolean | undefined>>): string => {
  const search = new URLSearchParams()
  for (const [key, value] of Object.entries(parameters)) if (value !== undefined) search.set(key, String(value))
  const text = search.toString()
  return text === "" ? "" : `?${text}`
}

const selectorOf = (labels: Readonly<Record<string, string>> | undefined): string | undefined =>
  labels === undefined
    ? undefined
    : Object.entries(labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(",")

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** How a change is sent. */
const requestOf = (resource: ApiResource, change: Change, dryRun: boolean, fieldManager: string): Request => {
  const { namespace, name } = change.ref
  const dry = dryRun ? { dryRun: "All" } : {}
  const path = objectPath(resource, namespace, name)
  const options = {
    apiVersion: "v1",
    kind: "DeleteOptions",
    preconditions: "uid" in change ? { uid: change.uid } : undefined,
    ...(dryRun ? { dryRun: ["All"] } : {})
  }
  const json = (value: unknown) => ({ contentType: "application/json", json: value })
  switch (change._tag) {
    case "Patch":
      return {
        method: "PATCH",
        path: path + query({ ...dry, fieldManager }),
        body: { contentType: "application/json-patch+json", json: change.patch }
      }
    case "Create": {
      const metadata = {
        ...(change.manifest["metadata"] as Record<string, unknown> | undefined),
        name,
        ...(resource.namespaced ? { namespace } : {})
      }
      const manifest = { apiVersion: resource.apiVersion, kind: resource.kind, ...change.manifest, metadata }
      return {
        method: "POST",
        path: collectionPath(resource, namespace) + query({ ...dry, fieldManager }),
        body: json(manifest)
      }
    }
    case "Delete":
      return { method: "DELETE", path: path + query(dry), body: json({ ...options, propagationPolicy: "Background" }) }
    case "Evict":
      return {
        method: "POST",
        path: `${path}/eviction${query(dry)}`,
        body: json({ apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace }, deleteOptions: options })
      }
  }
}

const operationOf = (change: Change): string =>
  `${{ Patch: "patch", Evict: "evict", Delete: "delete", Create: "create" }[change._tag]} ${displayName(change.ref)}`

interface ListPage {
  readonly metadata?: { readonly continue?: string; readonly resourceVersion?: string }
  readonly items?: ReadonlyArray<KubernetesObject>
}

/** Items of a list come without kind and apiVersion, or as `PartialObjectMetadata`. */
const itemsOf = (resource: ApiResource, page: ListPage): ReadonlyArray<KubernetesObject> =>
  (page.items ?? []).map((item) => ({ ...item, apiVersion: resource.apiVersion, kind: resource.kind }))

interface Requests {
  /** The body of a successful answer, or the error that the answer was. */
  readonly text: (asked: Asked, request: Request) => Effect.Effect<string, KubernetesError>
  readonly json: <A>(asked: Asked, request: Request) => Effect.Effect<A, KubernetesError>
}

const makeRequests = (transport: Transport, timeout: Duration.Input): Requests => {
  const once = (asked: Asked, request: Request) =>
    Effect.flatMap(
      Effect.mapError(exchange(transport, request, timeout), (noAnswer) => classify(asked, noAnswer)),
      ({ response, text }) => {
        const status = response.statusCode ?? 0
        return status >= 200 && status < 300
          ? Effect.succeed(text)
          : Effect.fail(
              classify(asked, {
                _tag: "Response",
                status,
                body: parseJson(text),
                retryAfter: response.headers["retry-after"]
              })
            )
      }
    )
  const text = (asked: Asked, request: Request) =>
    once(asked, request).pipe(
      Effect.catchIf(
        (error) => error.reason._tag === "Unauthorized",
        (error) => Effect.flatMap(transport.renew, (renewed) => (renewed ? once(asked, request) : Effect.fail(error)))
      )
    )
  return {
    text,
    json: <A>(asked: Asked, request: Request) =>
      Effect.flatMap(text(asked, request), (body) => {
        const value = parseJson(body)
        // A success that is not JSON: something else than an API server answers there.
        return value === undefined
          ? Effect.fail(classify(asked, { _tag: "NoAnswer", sent: true, timeout: false }))
          : Effect.succeed(value as A)
      })
  }
}

const listRequest = (
  resource: ApiResource,
  options: ListOptions,
  page: { readonly limit?: number; readonly token?: string }
): Request => ({
  method: "GET",
  path:
    collectionPath(resource, options.namespace)
    + query({
      labelSelector: selectorOf(options.labelSelector),
      fieldSelector:
        options.involvedObject === undefined
          ? undefined
          : `involvedObject.kind=${options.involvedObject.kind},involvedObject.name=${options.involvedObject.name}`,
      limit: page.limit,
      continue: page.token
    }),
  ...(options.metadataOnly === true
    ? { accept: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1" }
    : {})
})

/** All pages of a list, with the version that a watch goes on from. */
const listAll = Effect.fnUntraced(function* (requests: Requests, resource: ApiResource, options: ListOptions) {
  const asked: Asked = {
    operation: `list ${resource.kind}${options.namespace === undefined ? "" : ` ${options.namespace}`}`,
    writes: false
  }
  const items: Array<KubernetesObject> = []
  const most = options.limit ?? Infinity
  let token: string | undefined
  let resourceVersion = ""
  do {
    const page: ListPage = yield* requests.json<ListPage>(
      asked,
      listRequest(resource, options, {
        limit: Math.min(pageSize, most - items.length),
        ...(token === undefined ? {} : { token })
      })
    )
    items.push(...itemsOf(resource, page))
    token = page.metadata?.continue
    resourceVersion = page.metadata?.resourceVersion ?? ""
  } while (token !== undefined && token !== "" && items.length < most)
  return { items, resourceVersion }
})

interface WatchLine {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR"
  readonly object: KubernetesObject & { readonly code?: number }
}

/** The lines of a response as they come, in order; `undefined` at its end. Reading pauses while nobody takes them. */
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
    if (lines.length > pageSize) response.pause()
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

/** Where a watch is: what has been seen, and the response that brings more. */
interface WatchState {
  resourceVersion: string
  openedAtMs: number
  events: number
}

const makeWatch =
  (transport: Transport, requests: Requests, timeout: Duration.Input): KubernetesClient["Service"]["watch"] =>
  (kind, options) => {
    const resource = find(kind)
    if (resource === undefined) return Stream.fail(unknownKind(`watch ${kind}`))
    const asked: Asked = {
      operation: `watch ${kind}${options.namespace === undefined ? "" : ` ${options.namespace}`}`,
      writes: false
    }
    const expired = new KubernetesError({
      reason: { _tag: "Expired" },
      operation: asked.operation,
      applied: "no",
      retryable: true
    })

    const request = (resourceVersion: string): Request => ({
      method: "GET",
      path:
        collectionPath(resource, options.namespace)
        + query({
          labelSelector: selectorOf(options.labelSelector),
          watch: true,
          resourceVersion,
          allowWatchBookmarks: true,
          timeoutSeconds: watchSeconds
        })
    })

    /** One connection's events, from where the last one ended. */
    const connection = (state: WatchState) =>
      Stream.unwrap(
        Effect.gen(function* () {
          const opened = yield* Effect.acquireRelease(
            transport.open(request(state.resourceVersion)).pipe(
              Effect.timeoutOrElse({ duration: timeout, orElse: () => Effect.fail(new NoAnswer(true, true)) }),
              Effect.mapError((noAnswer) => classify(asked, noAnswer))
            ),
            ({ close }) => Effect.sync(close)
          )
          const status = opened.response.statusCode ?? 0
          if (status !== 200) {
            const text = yield* Effect.orElseSucceed(
              Effect.timeoutOrElse(readBody(opened), { duration: timeout, orElse: () => Effect.succeed("") }),
              () => ""
            )
            return Stream.fail(
              classify(asked, {
                _tag: "Response",
                status,
                body: parseJson(text),
                retryAfter: opened.response.headers["retry-after"]
              })
            )
          }
          state.openedAtMs = yield* Monotonic.nowMs
          state.events = 0
          const take = linesOf(opened)
          // The server ends a watch in time; one that is silent beyond that has lost its connection.
          const patient = Effect.timeoutOrElse(take, {
            duration: Duration.seconds(watchSeconds + 30),
            orElse: () => Effect.undefined
          })
          return Stream.paginate(undefined, () =>
            Effect.flatMap(patient, (lines) =>
              Effect.gen(function* () {
                if (lines === undefined) return [[], Option.none<undefined>()] as const
                const events: Array<WatchEvent> = []
                for (const line of lines) {
                  const { type, object } = (parseJson(line) ?? {
                    type: "BOOKMARK",
                    object: { metadata: {} }
                  }) as WatchLine
                  if (type === "ERROR")
                    return yield* object.code === 410
                      ? expired
                      : classify(asked, {
                          _tag: "Response",
                          status: object.code ?? 500,
                          body: object,
                          retryAfter: undefined
                        })
                  state.resourceVersion = object.metadata.resourceVersion ?? state.resourceVersion
                  if (type !== "BOOKMARK") events.push({ type, object })
                }
                state.events += events.length
                return [events, Option.some(undefined)] as const
              })
            )
          )
        })
      )

    return Stream.unwrap(
      Effect.gen(function* () {
        const { items, resourceVersion } = yield* listAll(requests, resource, options)
        const state: WatchState = { resourceVersion, openedAtMs: 0, events: 0 }
        const first: ReadonlyArray<WatchEvent> = items.map((object) => ({ type: "ADDED", object }))
        const pause = Effect.gen(function* () {
          const lasted = (yield* Monotonic.nowMs) - state.openedAtMs
          if (state.openedAtMs > 0 && state.events === 0 && lasted < watchPauseMs) yield* Effect.sleep(watchPauseMs)
        })
        const connections = Stream.fromEffectRepeat(Effect.as(pause, state)).pipe(Stream.flatMap(connection))
        return Stream.concat(Stream.fromIterable(first), connections)
      })
    )
  }

const make = Effect.fnUntraced(function* (options: ClientNodeOptions) {
  const timeout = options.requestTimeout ?? "10 seconds"
  const fieldManager = options.fieldManager ?? "kubernaut"
  const transport = yield* makeTransport(options)
  const requests = makeRequests(transport, timeout)

  const get = (ref: ResourceRef): Effect.Effect<KubernetesObject, KubernetesError> => {
    const operation = `get ${displayName(ref)}`
    const resource = find(ref.kind)
    return resource === undefined
      ? Effect.fail(unknownKind(operation))
      : requests.json(
          { operation, writes: false },
          { method: "GET", path: objectPath(resource, ref.namespace, ref.name) }
        )
  }

  const list = (
    kind: string,
    listOptions: ListOptions
  ): Effect.Effect<ReadonlyArray<KubernetesObject>, KubernetesError> => {
    const resource = find(kind)
    return resource === undefined
      ? Effect.fail(unknownKind(`list ${kind}`))
      : Effect.map(listAll(requests, resource, listOptions), ({ items }) => items)
  }

  const apply = (
    change: Change,
    applyOptions?: { readonly dryRun?: boolean }
  ): Effect.Effect<KubernetesObject | undefined, KubernetesError> => {
    const operation = operationOf(change)
    const resource = find(change.ref.kind)
    if (resource === undefined) return Effect.fail(unknownKind(operation))
    const dryRun = applyOptions?.dryRun === true
    const asked: Asked = { operation, writes: !dryRun, creates: change._tag === "Create" }
    const request = requestOf(resource, change, dryRun, fieldManager)
    return change._tag === "Patch" || change._tag === "Create"
      ? requests.json<KubernetesObject>(asked, request)
      : Effect.as(requests.text(asked, request), undefined)
  }

  const logs: KubernetesClient["Service"]["logs"] = (pod, { container, previous, tailLines }) => {
    const operation = `logs ${displayName(pod)}`
    const resource = find("Pod")!
    if (pod.kind !== "Pod") return Effect.fail(unknownKind(operation))
    const parameters = query({
      container,
      previous: previous === true ? true : undefined,
      tailLines,
      limitBytes: logBytes
    })
    return requests.text(
      { operation, writes: false },
      { method: "GET", path: `${objectPath(resource, pod.namespace, pod.name)}/log${parameters}`, accept: "*/*" }
    )
  }

  return KubernetesClient.of({
    get,
    list,
    apply,
    logs,
    watch: makeWatch(transport, requests, timeout),
    probe: Effect.asVoid(
      requests.text({ operation: "probe", writes: false }, { method: "GET", path: "/readyz", accept: "*/*" })
    )
  })
})

/**
 * The port on a real API server. Fails to build where there is no usable kubeconfig; does not connect until it is used.
 */
export const layer = (options: ClientNodeOptions = {}): Layer.Layer<KubernetesClient, ConnectionError> =>
  Layer.effect(KubernetesClient, make(options))
