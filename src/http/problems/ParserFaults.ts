/**
 * What Node's own HTTP parser refuses never becomes a request: headers that are too long, requests that take too long,
 * and what is no HTTP at all. It is answered as problem+json here, on the bare socket.
 */

import type { Server } from "node:http"
import type { Duplex } from "node:stream"

const answers: Readonly<Record<string, readonly [status: string, detail: string]>> = {
  HPE_HEADER_OVERFLOW: ["431 Request Header Fields Too Large", "Address and headers together may have 16 kB."],
  ERR_HTTP_REQUEST_TIMEOUT: ["408 Request Timeout", "The request took too long to arrive."]
}

const answerOf = (code: string | undefined): string => {
  const [status, detail] = answers[code ?? ""] ?? ["400 Bad Request", "This is not HTTP as it should be."]
  const body = JSON.stringify({
    type: "urn:kubernaut:problem:bad-request",
    status: Number(status.slice(0, 3)),
    title: "The request is not right",
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

/** Puts the answers in place of Node's empty ones. */
export const answerParserFaults = <S extends Pick<Server, "on">>(server: S): S => {
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === "ECONNRESET" || !socket.writable) socket.destroy()
    else socket.end(answerOf(error.code))
  })
  return server
}
