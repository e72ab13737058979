/**
 * Sends alerts over persistent connections, sequentially on each: `node senders.ts PORT ALERTS SENDERS ROUND [fresh]`.
 * After the last response it prints the milliseconds since its first request and exits. `fresh`: no alert shares its
 * target with another round.
 *
 * It writes minimal HTTP to plain sockets, because on a small machine a complete HTTP client takes more CPU than the
 * measured server.
 */

import { connect, type Socket } from "node:net"
import { alertOf, webhookOf } from "../intake/webhooks.ts"

const [port, alerts, senders, round] = process.argv.slice(2, 6).map(Number) as [number, number, number, number]
const prefix = process.argv[6] === "fresh" ? `app-${round}` : "app"

const body = (index: number): string =>
  JSON.stringify(
    webhookOf([
      alertOf(
        // Each alert of a round has its own target. Otherwise it would join an active remediation.
        { alertname: "KubeDeploymentReplicasMismatch", namespace: "bench", deployment: `${prefix}-${index}` },
        { annotations: { summary: "A benchmark." }, fingerprint: `${round}-${index}` }
      )
    ])
  )

const request = (index: number): string => {
  const text = body(index)
  return `POST /api/v1/alerts HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`
}

/** Whether a text is a complete response. Throws if it is not a 202. */
const isResponse = (text: string): boolean => {
  const end = text.indexOf("\r\n\r\n")
  if (end < 0) return false
  if (!text.startsWith("HTTP/1.1 202")) throw new Error(text)
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1])
  return text.length === end + 4 + length
}

let next = 0
const sender = (): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket: Socket = connect({ port, host: "127.0.0.1", noDelay: true })
    let received = ""
    const post = (): void => {
      if (next === alerts) {
        socket.destroy()
        return resolve()
      }
      received = ""
      socket.write(request(next++), "latin1")
    }
    socket
      .setEncoding("latin1")
      .on("connect", post)
      .on("error", reject)
      .on("data", (text: string) => {
        received += text
        if (isResponse(received)) post()
      })
  })

const startedMs = performance.now()
await Promise.all(Array.from({ length: senders }, sender))
process.stdout.write(String(performance.now() - startedMs))
