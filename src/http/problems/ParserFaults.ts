/**
 * Responds with problem+json to input that Node's HTTP parser refuses: headers that are too long, requests that arrive
 * too slowly, and data that is not HTTP. Such input never becomes a request, so the response is written to the socket.
 */

import type { Server } from "node:http"
import type { Duplex } from "node:stream"

const responses: Readonly<Record<string, readonly [status: string, detail: string]>> = {
  HPE_HEADER_OVERFLOW: ["431 Request Header Fields Too Large", "The request line and the headers exceed 16 kB."],
  ERR_HTTP_REQUEST_TIMEOUT: ["408 Request Timeout", "The request did not arrive in time."]
}

const responseTo = (code: string | undefined): string => {
  const [status, detail] = responses[code ?? ""] ?? ["400 Bad Request", "The data is not a valid HTTP request."]
  const body = JSON.stringify({
    type: "urn:kubernaut:problem:bad-request",
    status: Number(status.slice(0, 3)),
    title: "Bad request",
    detail
  })
  return [
    `HTTP/1.1 ${status}`,
    "connection: close",
    "content-type: application/problem+json",
    `content-length: ${Buffer.byteLength(body)}`,
    "",
    body
  ].join("\r\n")
}

/** Replaces the empty responses of Node. */
export const respondToParserFaults = <S extends Pick<Server, "on">>(server: S): S => {
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === "ECONNRESET" || !socket.writable) socket.destroy()
    else socket.end(responseTo(error.code))
  })
  return server
}
