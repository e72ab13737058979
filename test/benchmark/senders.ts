/** Posts alerts over kept connections, each sender one after the other: `node senders.ts PORT ALERTS SENDERS ROUND`. Ends after the last answer. */
import { Agent, request } from "node:http"

const [port, alerts, senders, round] = process.argv.slice(2).map(Number) as [number, number, number, number]
const agent = new Agent({ keepAlive: true, maxSockets: senders })
// A target of its own for each alert of a round: an alert about a target that is being worked on would join.
const targets = alerts

const body = (index: number): string =>
  JSON.stringify({
    version: "4",
    groupKey: "{}",
    status: "firing",
    receiver: "kubernaut",
    groupLabels: {},
    commonLabels: {},
    commonAnnotations: {},
    externalURL: "",
    alerts: [{
      status: "firing",
      labels: { alertname: "KubeDeploymentReplicasMismatch", severity: "warning", namespace: "bench", deployment: `app-${index % targets}` },
      annotations: { summary: "A benchmark." },
      startsAt: "2026-11-24T03:00:00Z",
      endsAt: "0001-01-01T00:00:00Z",
      generatorURL: "",
      fingerprint: `${round}-${index}`
    }]
  })

const post = (index: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const text = body(index)
    const sent = request(
      { agent, host: "127.0.0.1", port, method: "POST", path: "/api/v1/alerts", headers: { "content-type": "application/json", "content-length": Buffer.byteLength(text) } },
      (response) => {
        response.resume()
        response.on("end", () => response.statusCode === 202 ? resolve() : reject(new Error(`status ${response.statusCode}`)))
      }
    )
    sent.on("error", reject)
    sent.end(text)
  })

let next = 0
const sender = async () => {
  while (next < alerts) await post(next++)
}
await Promise.all(Array.from({ length: senders }, sender))
agent.destroy()
