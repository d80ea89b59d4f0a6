"""The monitor's process: `python -m monitor`. Polls every second and when a worker suspects a container, until TERM.

What may take long, asking the runtime what really runs, has a thread and a rhythm of its own and delays no poll.
"""

import logging
import signal
import sys
import threading

import environs
from setproctitle import setproctitle

from deploy.container_table import ContainerTable
from deploy.lease import Lease
from deploy.orders import Orders
from deploy.runtime.base import Runtime
from deploy.runtime.choose import choose_runtime
from deploy.ticker import Ticker
from lb.clock import RedisClock
from lb.redis_client import connect
from lb.settings import sentence
from monitor.poller import Poller
from monitor.probes import Probes
from monitor.reconcile import Reconciler
from monitor.relaunch import WHO
from monitor.settings import MonitorSettings
from monitor.suspect_listener import SuspectListener

RECONCILE_SECONDS = 2.0  # a container that died is found by the poll; this is for what the poll cannot see


def main() -> int:
    """Run until TERM or INT; 2 when a variable is wrong."""
    setproctitle(WHO)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        settings = MonitorSettings.from_env()
        runtime, _ = choose_runtime(settings.deploy)
    except environs.EnvError as error:
        print(f"{WHO}: {sentence(error)}", file=sys.stderr)
        return 2
    run(settings, runtime)
    return 0


def run(settings: MonitorSettings, runtime: Runtime) -> None:
    """Poll and reconcile until TERM or INT."""
    service, end = settings.service, threading.Event()
    client = connect(service.redis_url, name=WHO)
    clock = RedisClock(client)
    polls, comparisons = Ticker(settings.poll, now=clock.now), Ticker(RECONCILE_SECONDS, now=clock.now)

    def finish(*_: object) -> None:
        end.set()
        polls.wake()
        comparisons.wake()

    signal.signal(signal.SIGTERM, finish)
    signal.signal(signal.SIGINT, finish)
    table, orders = ContainerTable(client, service), Orders.open(client, service)
    probes = Probes(service.health_path, settings.probe_timeout, service.max_containers)
    reconciler = Reconciler(client, service, table, orders, runtime)
    lease = Lease(client, service.name, WHO)
    compare = lease.guard(reconciler.tick)
    comparing = threading.Thread(target=comparisons.run, args=(compare, end), name="reconcile", daemon=True)
    comparing.start()
    runtime.watch(comparisons.wake, end)
    SuspectListener(connect(service.redis_url, name="monitor-suspects"), service.name, polls.wake, end).start()
    poller = Poller(client, service, table, orders, probes, trouble=lambda: reconciler.trouble)
    polls.run(lease.guard(poller.timer), end)
    lease.give_back()
    probes.close()


if __name__ == "__main__":
    sys.exit(main())
