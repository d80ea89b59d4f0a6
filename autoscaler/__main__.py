"""The autoscaler's process: `python -m autoscaler`. Ticks every second and when it is woken, until TERM."""

import logging
import signal
import sys
import threading

import environs
from setproctitle import setproctitle

from autoscaler.scaler import WHO, Scaler
from autoscaler.settings import TICK_SECONDS, AutoscalerSettings
from autoscaler.shadow import ShadowPolicy
from deploy.container_table import ContainerTable
from deploy.lease import Lease
from deploy.orders import Orders
from deploy.ticker import Ticker
from deploy.wake import AUTOSCALER, WakeListener
from lb.clock import RedisClock
from lb.redis_client import connect
from lb.settings import sentence


def main() -> int:
    """Run until TERM or INT; 2 when a variable is wrong."""
    setproctitle(WHO)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        settings = AutoscalerSettings.from_env()
    except environs.EnvError as error:
        print(f"{WHO}: {sentence(error)}", file=sys.stderr)
        return 2
    run(settings)
    return 0


def run(settings: AutoscalerSettings) -> None:
    """Tick until TERM or INT."""
    service, end = settings.service, threading.Event()
    client = connect(service.redis_url, name=WHO)
    ticker = Ticker(TICK_SECONDS, now=RedisClock(client).now)

    def finish(*_: object) -> None:
        end.set()
        ticker.wake()

    signal.signal(signal.SIGTERM, finish)
    signal.signal(signal.SIGINT, finish)
    WakeListener(connect(service.redis_url, name=f"{WHO}-wake"), service.name, AUTOSCALER, ticker.wake, end).start()
    table, orders = ContainerTable(client, service), Orders.open(client, service)
    shadow = ShadowPolicy(client, service.name, settings.shadow) if settings.shadow else None
    lease = Lease(client, service.name, WHO)
    ticker.run(lease.guard(Scaler(client, service, settings.policy, table, orders, shadow=shadow).tick), end)
    lease.give_back()


if __name__ == "__main__":
    sys.exit(main())
