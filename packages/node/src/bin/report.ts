/** What a run says in words and in JSON: errors, events and exchanges. Pure. */
import type { SessionError } from "@urlsession/core/SessionError"
import type { TaskMetrics, TransactionMetrics } from "@urlsession/core/TaskMetrics"
import { bytes } from "./units.ts"
import { duration, type Phase, phases, shownUrl } from "./waterfall.ts"

/** One exchange of a run, with the end of the task that it belongs to. */
export interface Exchange {
  readonly transaction: TransactionMetrics
  readonly taskEnd: number
}

/** The exchanges of a task. */
export const exchangesOf = (metrics: TaskMetrics): ReadonlyArray<Exchange> =>
  metrics.transactions.map((transaction) => ({ transaction, taskEnd: metrics.taskInterval.end }))

/** A typed error in a line: family, reason, message. */
export const describe = (error: SessionError): string => `${error._tag} ${error.reason._tag}: ${error.message}`

/** What to do about an error, where the command line can say more than the error itself. */
export const hint = (error: SessionError): string | undefined => {
  if (error._tag === "AuthenticationError" && error.reason._tag === "Cancelled") {
    return "the server refused this name and password"
  }
  if (error._tag === "ConnectionError" && error.reason._tag === "NetworkConnectionLost") {
    return `${bytes(error.reason.bytesReceived)} had arrived`
  }
  return undefined
}

const rounded = (milliseconds: number): number => Math.round(milliseconds * 1000) / 1000

const phaseKeys: Readonly<Record<Phase["name"], string>> = {
  dns: "dns",
  connect: "connect",
  tls: "tls",
  request: "request",
  "first byte": "firstByte",
  body: "body"
}

/** An exchange as `--json` prints it. Times are milliseconds; a phase that did not happen is absent. */
export const json = ({ taskEnd, transaction }: Exchange): Record<string, unknown> => {
  const all = phases(transaction, taskEnd)
  const { connection } = transaction
  return {
    method: transaction.method,
    url: shownUrl(transaction.url),
    status: transaction.status ?? null,
    complete: transaction.responseEnd !== undefined,
    started: new Date(transaction.fetchStart).toISOString(),
    milliseconds: rounded(duration(all)),
    phases: Object.fromEntries(
      all.map((phase) => [
        phaseKeys[phase.name],
        { start: rounded(phase.start), milliseconds: rounded(phase.end - phase.start) }
      ])
    ),
    bytes: {
      requestHeader: transaction.requestHeaderBytes,
      requestBody: transaction.requestBodyBytes,
      responseHeader: transaction.responseHeaderBytes,
      responseBody: transaction.responseBodyBytes
    },
    connection: connection === undefined ? null : {
      id: connection.id,
      reused: transaction.reused,
      protocol: connection.protocol,
      tls: connection.trust === undefined ? null : connection.trust.protocol,
      remote: connection.remoteAddress === undefined
        ? null
        : { address: connection.remoteAddress, port: connection.remotePort ?? null }
    }
  }
}
