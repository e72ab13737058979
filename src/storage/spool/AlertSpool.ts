/**
 * Keeps accepted alerts on disk while the database cannot store them, until they have been replayed.
 *
 * - **Durability.** `append` returns when the entry is on disk. Posts that arrive during a `sync` share the next one.
 * - **Order.** While `isInUse`, every new post has to be appended, so that nothing overtakes what waits.
 * - **No post waits for a disk that hangs.** It is refused after 4 seconds, and does not count as waiting any more. After
 *   30 seconds nothing counts, so that posts go to the database. What waits is found when the disk works again.
 * - **What was refused is not replayed.** Its sender may never say that it has ended. Of an entry that is on disk too
 *   late the disk says so, unless the process ends before that. The others of the same sync are acknowledged.
 * - **Bounds.** The entries together have at most `maxBytes`. Some space is reserved beforehand, so that a full disk does
 *   not take it.
 *
 * **When to use**
 *
 * `layer` beside a layer of `Storage`, to keep accepting alerts while the database is down. Without it a post is
 * refused with a `StorageError` meanwhile, and the sender has to repeat it.
 */

import {
  Cause,
  Context,
  Deferred,
  Duration,
  Effect,
  type Exit,
  Fiber,
  Latch,
  Layer,
  Option,
  Schema,
  type Scope,
  Semaphore
} from "effect"
import type { Timestamp } from "../../domain/Timestamp.ts"
import { type EventHub, make as makeEventHub } from "../../resilience/EventHub.ts"
import * as BoundedDisk from "./BoundedDisk.ts"
import * as NodeSpoolDisk from "./NodeSpoolDisk.ts"
import * as SpoolAside from "./SpoolAside.ts"
import { type SpoolDisk, SpoolFault } from "./SpoolDisk.ts"
import type { SpoolEntry, SpooledPost } from "./SpooledPost.ts"
import type { Known } from "./SpoolFile.ts"
import { open, type SpoolFiles, type SpoolLimits, type Waiting } from "./SpoolFiles.ts"
import type { SpoolOwner } from "./SpoolPlace.ts"

/** Options of `layer`. */
export interface SpoolOptions extends Partial<SpoolLimits> {
  /** The folder, which is made when it is missing. One process uses it at a time. */
  readonly directory: string
  /**
   * The service: it then has a folder of its own in `directory`, which others may share. Default: it uses `directory`
   * itself.
   */
  readonly owner?: SpoolOwner
}

/** The state of the spool. */
export interface SpoolStatus extends Waiting {
  /** The time of receipt of the oldest post that waits. Absent while none waits, and until it has been read. */
  readonly since?: Timestamp
  /** Why nothing can be stored in it now. Absent while it can. */
  readonly fault?: string
}

/** An entry to replay. */
export interface Oldest {
  readonly entry: SpoolEntry
  /** No other one waits. */
  readonly isLast: boolean
}

/** The spool of one process. `layer` provides it. */
export class AlertSpool extends Context.Service<
  AlertSpool,
  {
    /**
     * Says which database the alerts are for, once that is known. If the spool has those of another one, nothing is
     * added to it or taken from it, and its status says so.
     */
    readonly belongTo: (database: string) => Effect.Effect<void>
    /** Stores a post. It is on disk when this returns. */
    readonly append: (post: SpooledPost) => Effect.Effect<void, SpoolFault>
    /** Whether posts wait. Then a new post must not go to the database. */
    readonly isInUse: () => boolean
    /** Whether posts may be there that nobody can see now: its disk does not answer, or is not ours. */
    readonly mayHide: () => boolean
    /** The oldest post that waits; waits for one while there is none. Does not remove it. */
    readonly oldest: Effect.Effect<Oldest, SpoolFault>
    /** The database has the entry. */
    readonly replayed: (entry: SpoolEntry) => Effect.Effect<void, SpoolFault>
    /** Keeps a copy of an entry that the database refuses for its content. Returns the name of the file. */
    readonly keep: (entry: SpoolEntry) => Effect.Effect<string, SpoolFault>
    readonly status: Effect.Effect<SpoolStatus>
    /** The status after a look at whether the next post could be stored. */
    readonly check: Effect.Effect<SpoolStatus>
    /** Publishes the status whenever it changes. */
    readonly changes: EventHub<SpoolStatus>
  }
>()("kubernaut/storage/spool/AlertSpool") {}

/** Some 60,000 alerts. */
export const defaultMaxBytes = 64 * 1024 * 1024
/** Some 4,000 alerts. */
export const defaultReservedBytes = 4 * 1024 * 1024

/** How long a post or a check waits for the disk. Alertmanager's own timeout is 10 s. */
const answerWithin = Duration.seconds(4)

interface Job {
  readonly post: SpooledPost
  readonly done: Deferred.Deferred<void, SpoolFault>
  /** Its caller waits. */
  isWanted: boolean
}

const faultOf = (cause: Cause.Cause<SpoolFault>): SpoolFault => {
  const error = Cause.squash(cause)
  return Schema.is(SpoolFault)(error) ? error : new SpoolFault({ reason: "failed", detail: "unexpectedly" })
}

/** The spool on one disk. Operations on its files take turns. */
class OnDisk {
  readonly changes = makeEventHub<SpoolStatus>()
  readonly #disk: SpoolDisk
  readonly #limits: SpoolLimits
  readonly #scope: Scope.Scope
  readonly #turn = Semaphore.makeUnsafe(1)
  /** Open while posts wait to be replayed, and while the last operation has failed: who replays looks again. */
  readonly #work = Latch.makeUnsafe(false)
  /** Absent until they have been opened, and after they could not be used. */
  #files: SpoolFiles | undefined
  /** What this process opened before it knew its database, until it is known whose the folder is. */
  #early: SpoolFiles | undefined
  /** What is known of them after an operation has hung: nobody waited for what it has written. */
  #known: Known | undefined
  /** Absent until the database is open, and where it is in memory. */
  #database: string | undefined
  #pending: Array<Job> = []
  #writing: ReadonlyArray<Job> = []
  /** A fiber waits for its turn to write what is pending. */
  #isWriting = false
  #since: Timestamp | undefined
  #fault: string | undefined
  /** It came from an operation that writes, so one that only reads does not disprove it. */
  #isOfAWrite = false

  constructor(disk: SpoolDisk, limits: SpoolLimits, scope: Scope.Scope) {
    this.#disk = disk
    this.#limits = limits
    this.#scope = scope
  }

  /** A post that nobody waits for any more is not acknowledged, so it holds up no other one. */
  readonly isInUse = (): boolean =>
    this.#pending.length + this.#waiting().posts > 0 || this.#writing.some(({ isWanted }) => isWanted)

  readonly mayHide = (): boolean =>
    this.#files === undefined || this.#writing.length > 0 || this.#files.known().refused.length > 0

  readonly statusNow = (): SpoolStatus => ({
    ...this.#waiting(),
    ...(this.#since === undefined ? {} : { since: this.#since }),
    ...(this.#fault === undefined ? {} : { fault: this.#fault })
  })

  /**
   * Runs one operation at a time. Its failure is the status until another one succeeds. It ends also where its caller
   * does not wait for it: half of it would leave files that differ from what is known of them. `onlyRead`: whether it
   * has written nothing, so that it only shows that the files can be read.
   */
  exclusively<A>(
    use: (files: SpoolFiles) => Effect.Effect<A, SpoolFault>,
    onlyRead?: (result: A) => boolean
  ): Effect.Effect<A, SpoolFault> {
    const operation = Effect.flatMap(Effect.exit(Effect.flatMap(this.#open, use)), (exit) => {
      const hasWritten = onlyRead === undefined || (exit._tag === "Success" && !onlyRead(exit.value))
      this.#note(exit, hasWritten)
      return exit
    })
    return Effect.flatMap(
      Effect.forkIn(this.#turn.withPermit(operation), this.#scope, { startImmediately: true }),
      Fiber.join
    )
  }

  readonly append = (post: SpooledPost): Effect.Effect<void, SpoolFault> =>
    Effect.suspend(() => {
      const job: Job = { post, done: Deferred.makeUnsafe(), isWanted: true }
      this.#pending.push(job)
      const written = Effect.andThen(this.#startWriting, Deferred.await(job.done))
      return Effect.ensuring(
        this.inTime(written),
        Effect.sync(() => {
          job.isWanted = false
          this.#pending = this.#pending.filter((each) => each !== job)
        })
      )
    })

  /** Fails when the disk takes too long. It may end later what it has begun. */
  inTime<A>(operation: Effect.Effect<A, SpoolFault>): Effect.Effect<A, SpoolFault> {
    return Effect.timeoutOrElse(operation, {
      duration: answerWithin,
      orElse: () => {
        const fault = new SpoolFault({ reason: "hung", detail: "its disk does not answer" })
        this.#report(fault)
        return Effect.fail(fault)
      }
    })
  }

  readonly oldest: Effect.Effect<Oldest, SpoolFault> = Effect.gen({ self: this }, function* () {
    for (;;) {
      // Files that could not be opened may have posts that wait.
      if (this.#files === undefined) yield* this.exclusively(() => Effect.void)
      yield* this.#work.await
      const found = yield* this.exclusively(
        (files) => this.#find(files),
        (entry) => Option.isSome(entry) || !this.#mayClear()
      )
      if (Option.isSome(found)) return found.value
    }
  })

  readonly replayed = (entry: SpoolEntry): Effect.Effect<void, SpoolFault> =>
    this.exclusively(
      ({ clear, forget }) => {
        forget(entry)
        if (this.#waiting().posts > 0) return Effect.void
        this.#work.closeUnsafe()
        this.#since = undefined
        return clear
      },
      () => this.#waiting().posts > 0
    )

  readonly belongTo = (database: string): Effect.Effect<void> => {
    this.#database = database
    const claimed = this.#disk.claim(database).pipe(
      Effect.andThen(SpoolAside.isThere(this.#disk, database)),
      Effect.flatMap((isAside) => {
        this.#files?.settle()
        if (!isAside) return Effect.void
        // What was set aside waits, too.
        this.#known = this.#files?.known() ?? this.#known
        this.#files = undefined
        return Effect.asVoid(this.#open)
      }),
      Effect.tapError((fault) => {
        this.#early ??= this.#files
        this.#files = undefined
        return this.#giveUp(fault)
      })
    )
    return Effect.flatMap(Effect.exit(this.exclusively(() => claimed)), () =>
      this.#fault === undefined
        ? Effect.void
        : Effect.logError("The spool cannot be used by this database", { reason: this.#fault })
    )
  }

  readonly #open = Effect.suspend(() =>
    this.#files === undefined
      ? open(this.#disk, this.#limits, this.#database, this.#known).pipe(
          Effect.tapError((fault) => this.#giveUp(fault)),
          Effect.map((files) => {
            if (files.waiting().posts > 0) this.#work.openUnsafe()
            this.#early = undefined
            this.#known = undefined
            return (this.#files = files)
          })
        )
      : Effect.succeed(this.#files)
  )

  /** Takes what was accepted for this database out of a folder that belongs to another one. Tried again at each use. */
  #giveUp({ reason }: SpoolFault): Effect.Effect<void, SpoolFault> {
    if (reason !== "foreign" || this.#early === undefined || this.#database === undefined) return Effect.void
    return Effect.tap(this.#early.setAside(this.#database), () =>
      Effect.sync(() => {
        this.#early = undefined
        this.#since = undefined
      })
    )
  }

  readonly #startWriting = Effect.suspend(() => {
    if (this.#isWriting) return Effect.void
    this.#isWriting = true
    return Effect.asVoid(Effect.forkIn(this.#turn.withPermit(this.#write), this.#scope))
  })

  /** Writes all posts that wait for the disk. Their callers continue in any case. */
  readonly #write = Effect.suspend(() => {
    const jobs = this.#pending
    this.#pending = []
    this.#isWriting = false
    if (jobs.length === 0) return this.#sayRefused
    this.#writing = jobs
    const posts = jobs.map(({ post }) => post)
    return Effect.flatMap(this.#open, (files) => files.append(posts, (index) => jobs[index]?.isWanted === true)).pipe(
      Effect.exit,
      Effect.flatMap((exit) => this.#written(jobs, exit)),
      Effect.andThen(this.#sayRefused)
    )
  })

  /** The next posts take it along, so none of them waits for it. */
  readonly #sayRefused = Effect.suspend(() =>
    this.#files === undefined || this.#pending.length > 0
      ? Effect.void
      : Effect.map(Effect.exit(this.#files.sayRefused), (exit) => {
          if (exit._tag === "Failure") this.#note(exit)
        })
  )

  #written(jobs: ReadonlyArray<Job>, exit: Exit.Exit<void, SpoolFault>): Effect.Effect<void> {
    this.#writing = []
    const isStored = exit._tag === "Success" && this.#waiting().posts > 0
    const isFirst = isStored && this.#since === undefined
    if (isStored) this.#since ??= jobs.find(({ isWanted }) => isWanted)?.post.at
    this.#work.openUnsafe()
    this.#note(exit)
    for (const { done } of jobs) Deferred.doneUnsafe(done, exit)
    return isFirst ? Effect.logWarning("Alerts go to the spool, because the database does not store them") : Effect.void
  }

  /** The oldest entry. Where there is none, nobody is woken any more until there is, or until something fails. */
  readonly #find = Effect.fnUntraced({ self: this }, function* ({ check, oldest }: SpoolFiles) {
    const found = this.#mayClear() ? yield* oldest : Option.none<Oldest>()
    this.#since = Option.getOrUndefined(Option.map(found, ({ entry }) => entry.at))
    if (Option.isSome(found)) return found
    if (this.#fault !== undefined && this.#mayClear()) yield* check
    this.#work.closeUnsafe()
    return found
  })

  #note(exit: Exit.Exit<unknown, SpoolFault>, hasWritten = true): void {
    const fault = exit._tag === "Success" ? undefined : faultOf(exit.cause)
    if (fault?.reason === "hung") {
      // Nobody knows what is in them when the operation ends.
      this.#known = this.#files?.known() ?? this.#known
      this.#files = undefined
      this.#since = undefined
    }
    this.#report(fault, hasWritten)
  }

  #report(fault: SpoolFault | undefined, hasWritten = true): void {
    if (fault !== undefined || hasWritten || !this.#isOfAWrite) {
      this.#fault = fault?.message
      this.#isOfAWrite = fault !== undefined && hasWritten
    }
    if (fault !== undefined) this.#work.openUnsafe()
    this.changes.publish(this.statusNow())
  }

  /** Posts do not wait until the files are empty. */
  #mayClear(): boolean {
    return this.#pending.length === 0 || this.#waiting().posts > 0
  }

  #waiting(): Waiting {
    return this.#files?.waiting() ?? { posts: 0, alerts: 0, bytes: 0 }
  }
}

/** The spool on a disk. It tries to open its files at once; where that fails, it tries again at each use. */
export const make = (
  disk: SpoolDisk,
  given: Partial<SpoolLimits> = {}
): Effect.Effect<AlertSpool["Service"], never, Scope.Scope> =>
  Effect.gen(function* () {
    const { maxBytes = defaultMaxBytes } = given
    const reservedBytes = Math.min(given.reservedBytes ?? defaultReservedBytes, maxBytes)
    const bounded = yield* BoundedDisk.make(disk)
    const spool = new OnDisk(bounded, { maxBytes, reservedBytes }, yield* Effect.scope)
    const use = (operation: (files: SpoolFiles) => Effect.Effect<void, SpoolFault>) =>
      Effect.map(Effect.exit(spool.inTime(spool.exclusively(operation))), spool.statusNow)
    const { fault } = yield* use(() => Effect.void)
    if (fault !== undefined) yield* Effect.logWarning("The spool cannot be used now", { reason: fault })
    return AlertSpool.of({
      belongTo: (database) => Effect.suspend(() => spool.belongTo(database)),
      append: spool.append,
      isInUse: spool.isInUse,
      mayHide: spool.mayHide,
      oldest: spool.oldest,
      replayed: spool.replayed,
      keep: (entry) => spool.exclusively(({ keep }) => keep(entry)),
      status: Effect.sync(spool.statusNow),
      check: use(({ check }) => check),
      changes: spool.changes
    })
  })

/** The spool in a folder of the file system. */
export const layer = ({ directory, owner, ...limits }: SpoolOptions): Layer.Layer<AlertSpool> =>
  Layer.effect(
    AlertSpool,
    Effect.flatMap(NodeSpoolDisk.make(directory, owner), (disk) => make(disk, limits))
  )
