"""The deploy worker's process: `python -m deploy`. Takes jobs and tends the containers until TERM; containers go on.

Unless `up` has started all this and was killed: then nobody else is left to end its containers, and the worker ends
them. It is told to end by the supervisor, or by the system if that was killed too. A worker that ends by itself, or is
killed, ends none.

The main thread takes jobs from rq. A second one ticks, a third listens for wakes, and a pool takes the steps of
different containers at the same time, so that a slow one holds up nobody.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import environs
import redis
from setproctitle import setproctitle

from deploy import job_worker, rollout
from deploy.by_hand import ByHand
from deploy.container_table import ContainerTable
from deploy.health import HealthProbe
from deploy.jobs import LAUNCHER
from deploy.launcher import WHO, Launcher
from deploy.lease import Lease
from deploy.machine.preflight import is_running
from deploy.next_step import Policy
from deploy.orders import Orders
from deploy.rebalancer import Rebalancer
from deploy.roller import Roller
from deploy.runtime.base import Runtime, RuntimeTrouble
from deploy.runtime.choose import choose_runtime
from deploy.runtime.stopping import stop_containers
from deploy.settings import DeploySettings
from deploy.ticker import Ticker
from deploy.wake import DEPLOY, WakeListener
from deploy.worker import DeployWorker
from lb.clock import RedisClock
from lb.heartbeat import live_workers
from lb.redis_client import connect
from lb.settings import sentence

TICK_SECONDS = 1.0  # how late a lost wake is made up for
LAST_MOMENT = 1.5  # seconds from TERM to the end; whatever was not finished by then the next worker goes on with
ORPHAN_GRACE = 0.5  # seconds for the containers of an `up` that was killed, from TERM to KILL
BOTH_SECONDS = 0.5  # within which who kills the supervisor has killed `up` too, if he means to
MAX_THREADS = 32  # containers that are moved at the same time

log = logging.getLogger("deploy")


def main() -> int:
    """Run until TERM or INT; 2 when a variable is wrong."""
    setproctitle(WHO)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        settings = DeploySettings.from_env()
        runtime, why = choose_runtime(settings)
    except environs.EnvError as error:
        print(f"{WHO}: {sentence(error)}", file=sys.stderr)
        return 2
    log.info(why)
    run(settings, runtime)
    return 0


def run(settings: DeploySettings, runtime: Runtime) -> None:
    """Work until TERM or INT."""
    service = settings.service
    client = connect(service.redis_url, name="deploy")
    ticker = Ticker(TICK_SECONDS, now=RedisClock(client).now)
    end, ended = end_by_signal(ticker), threading.Event()
    farewell = Farewell(settings, runtime)
    threading.Thread(target=watch, args=(end, farewell, ended), name="last moment", daemon=True).start()
    WakeListener(connect(service.redis_url, name="deploy-wake"), service.name, DEPLOY, ticker.wake, end).start()
    with ThreadPoolExecutor(min(service.max_containers, MAX_THREADS), "step") as pool:
        launcher = launcher_of(settings, runtime, client, pool)
        worker = DeployWorker(
            client,
            service,
            launcher=launcher,
            roller=roller_of(settings, client),
            rebalancer=rebalancer_of(settings, runtime, client),
            runtime=runtime,
            hurry=ticker.hurry,
        )
        lease = Lease(client, service.name, DEPLOY)
        ticking = threading.Thread(target=ticker.run, args=(lease.guard(worker.tick), end), name="tend")
        ticking.start()
        LAUNCHER.set(launcher)
        job_worker.work(service.redis_url, service.name, end, may_work=lambda: not lease.stands_by)
        ticking.join()
        lease.give_back()
    ended.wait(LAST_MOMENT)
    runtime.close()


def end_by_signal(ticker: Ticker) -> threading.Event:
    """An event that TERM and INT set."""
    end = threading.Event()

    def finish(*_: object) -> None:
        end.set()
        ticker.wake()

    signal.signal(signal.SIGTERM, finish)
    signal.signal(signal.SIGINT, finish)
    return end


class Farewell:
    """What is left to do for a worker that is told to end: nothing, unless `up` was there and has been killed."""

    def __init__(self, settings: DeploySettings, runtime: Runtime) -> None:
        self._settings = settings
        self._runtime = runtime
        self._up_was_there = is_running(settings.state_dir)
        self._supervisor = os.getppid()

    def __call__(self) -> None:
        """End the containers that nobody else will end."""
        if self._up_was_there and not self._settings.keep and self._up_is_gone():
            log.warning("the `up` that had started all this is gone: its containers end too")
            with suppress(RuntimeTrouble):
                stop_containers(self._runtime, ORPHAN_GRACE)

    def _up_is_gone(self) -> bool:
        """Whether `up` is gone; where the supervisor is, it may be about to be."""
        deadline = time.monotonic() + (BOTH_SECONDS if os.getppid() != self._supervisor else 0.0)
        while is_running(self._settings.state_dir):
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        return True


def watch(end: threading.Event, farewell: Callable[[], None], ended: threading.Event) -> None:
    """Be gone soon after the end was asked for, also if somebody still waits for an engine or for Redis."""
    end.wait()
    farewell()
    ended.set()
    time.sleep(LAST_MOMENT)
    os._exit(0)


def launcher_of(settings: DeploySettings, runtime: Runtime, client: redis.Redis, pool: ThreadPoolExecutor) -> Launcher:
    """The launcher with everything real."""
    service = settings.service
    table, by_hand = ContainerTable(client, service), ByHand.open(client, service)
    return Launcher(
        table,
        runtime,
        probe=HealthProbe(service.health_path),
        beats=lambda: live_workers(client, service.name),
        clock=RedisClock(client).now,
        policy=Policy(settings.boot_timeout, settings.drain_timeout, settings.stop_grace),
        spawn=pool.submit,
        image=lambda: rollout.image_for_new(rollout.read(client, service.name), table.all()),
        note_stopped=lambda port: by_hand.note_stopped(port, f"somebody at the {runtime.name} runtime"),
    )


def roller_of(settings: DeploySettings, client: redis.Redis) -> Roller:
    """The roller with everything real."""
    service = settings.service
    table, orders = ContainerTable(client, service), Orders.open(client, service)
    return Roller(client, service, table, orders, settings.boot_timeout)


def rebalancer_of(settings: DeploySettings, runtime: Runtime, client: redis.Redis) -> Rebalancer:
    """The rebalancer with everything real."""
    service = settings.service
    table, orders = ContainerTable(client, service), Orders.open(client, service)
    return Rebalancer(client, service, table, orders, runtime, settings.boot_timeout)


if __name__ == "__main__":
    sys.exit(main())
