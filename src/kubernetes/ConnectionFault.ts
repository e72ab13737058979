/**
 * Why no response came from an API server: the class of the fault, and for people the field of the kubeconfig that is
 * wrong. Only codes of the operating system and of TLS are read, never text that a server sent.
 */

import { Schema } from "effect"

/** The classes of faults. */
export const ConnectionFault = Schema.Literals([
  /** Nothing listens at the address. */
  "refused",
  /** The name of the server cannot be resolved. */
  "unknown-host",
  /** No route to the address, or no response to the attempt to connect. */
  "unreachable",
  /** The connection ended without a response. */
  "closed",
  /** The server's certificate is not signed by the configured CA. */
  "untrusted-certificate",
  /** The server's certificate is for other names. */
  "wrong-server-name",
  /** The server's certificate has expired, or is not valid yet. */
  "expired-certificate",
  /** The server does not accept our client certificate. */
  "client-certificate",
  /** The server does not speak TLS. */
  "not-tls",
  /** The server speaks TLS, but the address says plain HTTP. */
  "plain-http",
  /** Another failure of the TLS handshake. */
  "tls",
  /** The proxy cannot be reached, or does not connect us to the server. */
  "proxy",
  /** The server's response is not that of a Kubernetes API server. */
  "not-kubernetes",
  /** The file of a token or a client certificate cannot be used. */
  "credentials",
  /** The credential plugin cannot be started. */
  "plugin-missing",
  /** The credential plugin ended with an error. */
  "plugin-failed",
  /** The credential plugin did not end in time, and was stopped. */
  "plugin-timeout",
  /** The credential plugin returned no credential. */
  "plugin-answer"
])
export type ConnectionFault = typeof ConnectionFault.Type

const untrusted =
  /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?|CERT_(UNTRUSTED|SIGNATURE_FAILURE|CHAIN_TOO_LONG|REVOKED|REJECTED)|INVALID_(CA|PURPOSE))$/

const ofCode: Readonly<Record<string, ConnectionFault>> = {
  ECONNREFUSED: "refused",
  ENOTFOUND: "unknown-host",
  EAI_AGAIN: "unknown-host",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  EADDRNOTAVAIL: "unreachable",
  ETIMEDOUT: "unreachable",
  ERR_TLS_CERT_ALTNAME_INVALID: "wrong-server-name",
  CERT_HAS_EXPIRED: "expired-certificate",
  CERT_NOT_YET_VALID: "expired-certificate",
  ERR_SSL_WRONG_VERSION_NUMBER: "not-tls",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "not-tls",
  ERR_SSL_HTTP_REQUEST: "not-tls",
  HPE_INVALID_CONSTANT: "plain-http"
}

const codeOf = (error: unknown): string => {
  const { code, errors } = (error ?? {}) as { readonly code?: unknown; readonly errors?: ReadonlyArray<unknown> }
  // Several addresses of one name were tried; each has an error of its own.
  if (errors?.[0] !== undefined) return codeOf(errors[0])
  return typeof code === "string" ? code : ""
}

/** The class of an error of a socket. `proxied`: the socket leads to a proxy. */
export const faultOf = (error: unknown, proxied: boolean): ConnectionFault => {
  const code = codeOf(error)
  const known = untrusted.test(code) ? "untrusted-certificate" : ofCode[code]
  const isOfServer = known !== undefined && !["refused", "unknown-host", "unreachable"].includes(known)
  if (isOfServer) return known
  if (/^ERR_SSL_\w*ALERT_(CERTIFICATE|BAD_CERTIFICATE|UNKNOWN_CA|UNSUPPORTED_CERTIFICATE)/.test(code))
    return "client-certificate"
  // Some failures of OpenSSL have this code only. Their text is OpenSSL's own, not the server's.
  if (code === "EPROTO" && /wrong version number|packet length too long|http request/.test(String(error)))
    return "not-tls"
  if (code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_") || code === "EPROTO") return "tls"
  if (proxied) return "proxy"
  return known ?? "closed"
}

/** The fault as a clause for people. */
export const describeFault = (fault: ConnectionFault): string => {
  switch (fault) {
    case "refused":
      return "nothing listens at its address"
    case "unknown-host":
      return "the name of its host cannot be resolved"
    case "unreachable":
      return "there is no route to its address"
    case "closed":
      return "the connection ended without a response"
    case "untrusted-certificate":
      return "its certificate is not signed by the configured CA"
    case "wrong-server-name":
      return "its certificate is for other names"
    case "expired-certificate":
      return "its certificate has expired or is not valid yet"
    case "client-certificate":
      return "it does not accept the client certificate"
    case "not-tls":
      return "it does not speak TLS"
    case "plain-http":
      return "it speaks TLS, but is addressed by plain HTTP"
    case "tls":
      return "the TLS handshake failed"
    case "proxy":
      return "the proxy cannot be reached or does not connect to it"
    case "not-kubernetes":
      return "its response is not that of a Kubernetes API server"
    case "credentials":
      return "the credentials cannot be read"
    case "plugin-missing":
      return "the credential plugin cannot be started"
    case "plugin-failed":
      return "the credential plugin ended with an error"
    case "plugin-timeout":
      return "the credential plugin did not end in time"
    case "plugin-answer":
      return "the credential plugin returned no credential"
  }
}

/** Where a connection is configured. It contains no secret. */
export interface ConnectionPlace {
  /** The kubeconfig, or what stands for it. */
  readonly file: string
  readonly context: string
  readonly cluster: string
  readonly user: string
  /** The address of the server, without a password. */
  readonly server: string
  /** The field of the CA, with its file if it names one; `undefined` when there is none. */
  readonly ca: string | undefined
  readonly tlsServerName: string | undefined
  /** The address of the proxy, without a password. */
  readonly proxy: string | undefined
  /** The name of the credential plugin. */
  readonly plugin: string | undefined
}

/** Explains a fault with the file and the field that is wrong, and what would be right. */
export const explainFault = (fault: ConnectionFault, place: ConnectionPlace): string => {
  const { ca, cluster, file, plugin, proxy, server, tlsServerName, user } = place
  const inCluster = `of cluster "${cluster}" in ${file}`
  const inUser = `of user "${user}" in ${file}`
  const said = `${server}: ${describeFault(fault)}`
  switch (fault) {
    case "untrusted-certificate":
      return ca === undefined
        ? `${said}. The field certificate-authority ${inCluster} is missing, and the machine's own CAs did not sign the certificate. Set it to the CA of this server`
        : `${said}. Check ${ca} ${inCluster}: it must hold the CA of this server`
    case "wrong-server-name":
      return tlsServerName === undefined
        ? `${said}. Check the field server ${inCluster}: use a name of the certificate there, or in tls-server-name`
        : `${said}. Check the field tls-server-name (${tlsServerName}) ${inCluster}: it must be a name of the certificate`
    case "not-tls":
      return `${said}. Check the field server ${inCluster}: either its port is wrong, or it should begin with http://`
    case "plain-http":
      return `${said}. Check the field server ${inCluster}: it should begin with https://`
    case "proxy":
      return `${said}. Check the field proxy-url (${proxy ?? "none"}) ${inCluster}, and that the proxy runs`
    case "client-certificate":
      return `${said}. Check the fields client-certificate and client-key ${inUser}`
    case "credentials":
      return `${said}. Check the fields of the token and of the client certificate ${inUser}`
    case "plugin-missing":
    case "plugin-failed":
    case "plugin-timeout":
    case "plugin-answer":
      return `${said}. Check the field exec.command (${plugin ?? "none"}) ${inUser}: run it by hand`
    case "closed":
      return server.startsWith("http:")
        ? `${said}. Check the field server ${inCluster}: if its port speaks TLS, it should begin with https:// instead of plain HTTP`
        : `${said}. Check the field server ${inCluster}`
    default:
      return `${said}. Check the field server ${inCluster}`
  }
}
