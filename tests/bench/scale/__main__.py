"""What many machines would cost: one Redis measured to its end, and the steps beyond it simulated.

    python tests/bench/scale simulate [--proxies 1000] [--containers 10000] [--requests 10000000] [--out docs]
    python tests/bench/scale redis [--seconds 1] [--rounds 5] [--out docs]

`simulate` holds designs of sharing turns against bounds that are proved in docs/scale.md, and stops when one is
broken; some minutes, one core. `redis` measures what our own claims cost a Redis that is pinned to core 0, with the
load on core 1, every case in every round, medians; it wants a quiet machine. Both write CSV and PNG.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent.parent
MOST = 32_767
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from bench.scale.redis_cost import Effort, measure_all  # noqa: E402
from bench.scale.simulation import simulate  # noqa: E402
from bench.scale.trials import Fleet  # noqa: E402


def parser() -> argparse.ArgumentParser:
    """Both commands."""
    whole = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = whole.add_subparsers(dest="command", required=True)
    one = commands.add_parser("simulate", help="designs of sharing turns, and stale counts")
    for name, value in (("proxies", 1_000), ("containers", 10_000), ("requests", 10_000_000), ("deaths", 100)):
        one.add_argument(f"--{name}", type=int, default=value, help=f"default {value:,}")
    one.add_argument("--seed", type=int, default=1, help="another one draws other arrivals")
    one.add_argument("--trip", type=int, default=200, help="requests that come during one round trip")
    other = commands.add_parser("redis", help="what claims, records and rings cost Redis")
    other.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    other.add_argument("--rounds", type=int, default=5, help="medians are of so many")
    for each in (one, other):
        each.add_argument("--out", type=Path, default=ROOT / "docs", help="folder for CSV and PNG")
    return whole


def main(arguments: list[str]) -> None:
    """Do what is asked."""
    options = parser().parse_args(arguments)
    if options.command == "simulate":
        if options.proxies + options.deaths > MOST:
            sys.exit(f"At most {MOST:,} proxies, the dead included: their numbers have 16 bits.")
        fleet = Fleet(options.proxies, options.containers, options.requests, options.deaths, options.trip)
        simulate(fleet, options.seed, options.out)
    else:
        measure_all(Effort(options.seconds, options.rounds), options.out)


if __name__ == "__main__":
    main(sys.argv[1:])
