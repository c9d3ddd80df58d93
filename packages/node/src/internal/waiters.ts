/** The requests of a pool that wait for a connection. */
import type { ExchangeError } from "@urlsession/core/SessionError"
import type { ConnectTimings } from "./connectTimings.ts"
import { forUrl } from "./errors.ts"
import type { Exchange } from "./exchange.ts"
import { WaitQueue } from "./queue.ts"

const withoutJob = (exchange: Exchange): boolean => exchange.job === undefined

/** See the head of this file. */
export class Waiters extends WaitQueue<Exchange> {
  /** The first that nobody makes a connection for. */
  get unserved(): Exchange | undefined {
    return this.find(withoutJob)
  }

  /** Those that nobody makes a connection for will get none. */
  missed(error: ExchangeError, timings: ConnectTimings | undefined): void {
    for (let next = this.unserved; next !== undefined; next = this.unserved) {
      next.missed(forUrl(error, next.request.url.href), timings)
    }
  }

  /** The time of those that nobody makes a connection for is the network's, or no longer. */
  networkWait(network: boolean): void {
    this.each((exchange) => {
      if (withoutJob(exchange)) exchange.networkWait(network)
    })
  }

  refuseAll(why: (exchange: Exchange) => ExchangeError): void {
    for (let next = this.first(); next !== undefined; next = this.first()) {
      this.remove(next)
      next.refuse(why(next))
    }
  }
}
