import { hash } from "node:crypto"

/** In texts. One takes about 100 bytes, whatever its length. */
const capacity = 8192

/**
 * Remembers which texts hold no secret, so that `Redaction` reads each of them once. The same names, labels and events
 * are in the text of every prompt, journal event and notification.
 *
 * **Details**
 *
 * A text is known by its SHA-256: what was read is not kept in memory, and a text from outside cannot be made to look
 * like another one. The texts are in two generations. When the younger one is full, it becomes the older one, which is
 * forgotten.
 */
export class CleanTexts {
  private young = new Set<string>()
  private old = new Set<string>()

  /** Returns whether the text was added, and not forgotten since. */
  has(text: string): boolean {
    const key = keyOf(text)
    if (this.young.has(key)) return true
    if (!this.old.has(key)) return false
    this.keep(key)
    return true
  }

  add(text: string): void {
    this.keep(keyOf(text))
  }

  private keep(key: string): void {
    if (this.young.size >= capacity / 2) {
      this.old = this.young
      this.young = new Set()
    }
    this.young.add(key)
  }
}

const keyOf = (text: string): string => hash("sha256", text, "base64url")
