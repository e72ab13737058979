/** A process that is the API server of a large cluster: 10,000 objects and 100 changes a second. */

import * as http from "node:http"
import type { AddressInfo } from "node:net"
import { counts, objectOf } from "./objects.ts"

const changesPerSecond = Number(process.argv[2])

const kindOfPlural = new Map(Object.keys(counts).map((kind) => [`${kind.toLowerCase()}s`, kind]))
const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
const watchers = new Map<string, Set<http.ServerResponse>>()
let revision = 100_000

const namespaceOfSystem = { metadata: { name: "kube-system", uid: "benchmark", resourceVersion: "1" } }

const server = http.createServer((request, response): void => {
  const url = new URL(request.url ?? "/", "http://localhost")
  const kind = kindOfPlural.get(url.pathname.split("/").at(-1) ?? "")
  response.writeHead(200, { "content-type": "application/json" })
  if (url.searchParams.get("watch") === "true") {
    const key = kind ?? ""
    const open = watchers.get(key) ?? new Set()
    watchers.set(key, open.add(response))
    response.flushHeaders()
    request.once("close", () => open.delete(response))
    return
  }
  if (url.pathname.endsWith("/namespaces/kube-system")) {
    response.end(JSON.stringify(namespaceOfSystem))
    return
  }
  const from = Number(url.searchParams.get("continue") ?? 0)
  const all = kind === undefined ? 0 : counts[kind]!
  const to = Math.min(all, from + Number(url.searchParams.get("limit") ?? all))
  const items =
    kind === undefined ? [] : Array.from({ length: to - from }, (_, at) => objectOf(kind, from + at, 1000, 0))
  const more = to < all ? { continue: String(to) } : {}
  response.end(JSON.stringify({ metadata: { resourceVersion: String(revision), ...more }, items }))
})

/** Each object changes in turn, so that no two changes are alike. */
let changed = 0
const places = Object.entries(counts).flatMap(([kind, count]) =>
  Array.from({ length: count }, (_, index) => [kind, index] as const)
)
const change = () => {
  // A step that is prime to the number of objects mixes the kinds.
  const [kind, index] = places[(changed * 7919) % total]!
  const object = objectOf(kind, index, ++revision, 1 + Math.floor(changed / total))
  changed++
  const line = `${JSON.stringify({ type: "MODIFIED", object })}\n`
  for (const response of watchers.get(kind) ?? []) response.write(line)
}

server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port))

let due = 0
process.on("message", (message) => {
  if (message !== "begin") return
  setInterval(() => {
    due += changesPerSecond / 20
    while (due >= 1) {
      due--
      change()
    }
  }, 50)
})
process.on("disconnect", () => process.exit(0))
