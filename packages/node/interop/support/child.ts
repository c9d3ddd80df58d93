/** Programs as children: a server that is up when it is given out and gone when its scope is closed. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import * as net from "node:net"

/** How to start a server in the foreground. */
export interface Launch {
  readonly command: string
  readonly parameters: ReadonlyArray<string>
  /** It is up when all of them can be connected. */
  readonly ports: ReadonlyArray<number>
  readonly environment?: Readonly<Record<string, string>>
}

/** A server at work. */
export interface Running {
  readonly pid: number | undefined
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** Ends when the process has ended. */
  readonly ended: Effect.Effect<void>
  /** Ends the process and waits for it. Idempotent. */
  readonly stop: Effect.Effect<void>
}

// A test process that is killed runs no finalizer: the kernel then ends its servers.
const guard = "/usr/bin/setpriv"

const start = (launch: Launch, output: Array<string>): ChildProcess => {
  const guarded = existsSync(guard)
  const child = spawn(
    guarded ? guard : launch.command,
    [...guarded ? ["--pdeathsig", "TERM", launch.command] : [], ...launch.parameters],
    {
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C.UTF-8", ...launch.environment },
      stdio: ["ignore", "pipe", "pipe"]
    }
  )
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (data: Buffer) => output.push(data.toString()))
  }
  return child
}

const connectable = (port: number): Effect.Effect<boolean> =>
  Effect.async((resume) => {
    const socket = net.connect(port, "127.0.0.1")
    socket.once("error", () => resume(Effect.succeed(false)))
    socket.once("connect", () => {
      socket.destroy()
      resume(Effect.succeed(true))
    })
  })

// No server tells a stranger that it listens, so there is nothing to wait for but the first connection that is taken.
const listening = (port: number): Effect.Effect<void> =>
  Effect.flatMap(
    connectable(port),
    (up) => up ? Effect.void : Effect.zipRight(Effect.sleep("5 millis"), listening(port))
  )

/** Starts a server. One that does not come up is a defect that carries what it said. */
export const launch = (options: Launch): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.gen(function*() {
    const output: Array<string> = []
    const exited = yield* Deferred.make<void>()
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const started = start(options, output)
        started.once("error", (error) => output.push(error.message))
        started.once("close", () => Deferred.unsafeDone(exited, Effect.void))
        return started
      }),
      (started) =>
        Effect.suspend(() => {
          started.kill("SIGTERM")
          return Effect.timeoutOption(Effect.interruptible(Deferred.await(exited)), "5 seconds")
        }).pipe(
          Effect.zipRight(Effect.sync(() => started.kill("SIGKILL"))),
          Effect.zipRight(Deferred.await(exited))
        )
    )
    const failed = (what: string) => Effect.dieMessage(`${options.command} ${what}:\n${output.join("")}`)
    yield* Effect.forEach(options.ports, listening, { concurrency: "unbounded", discard: true }).pipe(
      Effect.raceFirst(Effect.zipRight(Deferred.await(exited), failed("ended at once"))),
      Effect.timeoutTo({
        duration: "15 seconds",
        onSuccess: () => Effect.void,
        onTimeout: () => failed("does not listen")
      }),
      Effect.flatten
    )
    const signal = (name: NodeJS.Signals) => Effect.sync(() => child.kill(name))
    return {
      pid: child.pid,
      signal: (name) => Effect.asVoid(signal(name)),
      ended: Deferred.await(exited),
      stop: Effect.zipRight(signal("SIGTERM"), Deferred.await(exited))
    }
  })
