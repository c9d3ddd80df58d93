/** The connections of a pool that are being made. */
import type { ConnectJob } from "./connectJob.ts"
import type { Exchange } from "./exchange.ts"

/** See the head of this file. */
export class ConnectJobs {
  readonly #jobs = new Set<ConnectJob>()

  get size(): number {
    return this.#jobs.size
  }

  has(job: ConnectJob): boolean {
    return this.#jobs.has(job)
  }

  start(job: ConnectJob, waiter: Exchange): void {
    this.#jobs.add(job)
    job.assign(waiter)
    job.start()
  }

  /** It has come to its end; who was waiting for it, if anybody was. */
  settle(job: ConnectJob): Exchange | undefined {
    this.#jobs.delete(job)
    const { waiter } = job
    job.assign(undefined)
    return waiter
  }

  /** Its request goes away: it goes on for another. The last to leave ends it, and the decider it may be waiting for. */
  passOn(job: ConnectJob, next: Exchange | undefined): void {
    job.assign(undefined)
    if (next !== undefined) return job.assign(next)
    this.#jobs.delete(job)
    job.cancel()
  }

  /** One that would be taken by whoever asks now. */
  orphan(generation: number): ConnectJob | undefined {
    for (const job of this.#jobs) {
      if (job.waiter === undefined && !job.cancelled && job.generation === generation) return job
    }
    return undefined
  }

  /** Of the first, where there is one: its time is the network's, and no decider's. */
  get waitsForNetwork(): boolean | undefined {
    for (const job of this.#jobs) return job.waitsForNetwork
    return undefined
  }

  /** None of them is wanted any more. */
  dropAll(): void {
    for (const job of [...this.#jobs]) this.passOn(job, undefined)
  }

  /** Ends them, and lets each settle by itself. */
  cancelAll(): void {
    for (const job of this.#jobs) job.cancel()
  }
}
