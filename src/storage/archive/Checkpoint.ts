/**
 * A signed statement about one file of the archive.
 *
 * Each statement covers the signature of the one before, so that none can be removed or reordered. A program that can
 * write to the database cannot forge one without the private key; keep a copy of the public key elsewhere.
 */

import { createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto"
import type { Timestamp } from "../../domain/Timestamp.ts"
import type { ChainHead } from "../AuditChain.ts"

export type ArchiveKind = "remediations" | "audit"

export interface Statement {
  /** Position among all files of the archive, from 1. */
  readonly sequence: number
  readonly at: Timestamp
  readonly kind: ArchiveKind
  readonly file: string
  /** SHA-256 of the file, in hex. */
  readonly sha256: string
  readonly records: number
  /** The last line of an audit file, from which the chain continues. */
  readonly through?: ChainHead
}

export interface Checkpoint extends Statement {
  /** Ed25519, in base64. */
  readonly signature: string
}

const contentOf = (statement: Statement, previousSignature: string): Buffer =>
  Buffer.from(
    JSON.stringify([
      statement.sequence,
      statement.at,
      statement.kind,
      statement.file,
      statement.sha256,
      statement.records,
      statement.through?.sequence ?? null,
      statement.through?.hash ?? null,
      previousSignature
    ])
  )

/** `previousSignature` is empty for the first file. */
export const signed = (statement: Statement, previousSignature: string, key: KeyObject): Checkpoint => ({
  ...statement,
  signature: sign(null, contentOf(statement, previousSignature), key).toString("base64")
})

export const isAuthentic = (checkpoint: Checkpoint, previousSignature: string, key: KeyObject): boolean =>
  verify(
    null,
    contentOf(checkpoint, previousSignature),
    createPublicKey(key),
    Buffer.from(checkpoint.signature, "base64")
  )

/** A new private key in PEM. */
export const newKey = (): string =>
  generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString()
