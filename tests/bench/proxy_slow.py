"""Slow clients: what a good client's p99 is beside 500 dribbled heads, 200 dribbled bodies, 200 slow readers, 500 idle.

    python tests/bench/proxy_slow.py [--seconds 2] [--rounds 7]

Each attack is measured alone, then all at once, then slowhttptest's (when it is installed). Before each the same
good client is measured calm, so that this machine's noise shows as what the calm figures differ by; a neighbour's
second spoils one round, so medians of the rounds are what counts. The good client keeps one connection and asks 200
times a second by the clock: a late answer makes the next ones late, and all of that counts. The slow ones run in a
process of their own (`proxy_slow_clients.py`) of lower priority, for its own work beside the good client is not the
proxy's fault; the good client begins when all of them are there.
"""

import argparse
import contextlib
import os
import shutil
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]

from helpers import eventually  # noqa: E402
from proxy import cpu_seconds  # noqa: E402
from proxy_bodies import memory_mb, set_peak_back  # noqa: E402
from proxy_slow_clients import KINDS, chosen  # noqa: E402
from proxy_targets import BENCH, LOAD_CORE, PATH, Target, process, start_backend, start_ours, start_redis  # noqa: E402

ASKED = f"GET {PATH} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
RATE = 200  # requests of the good client per second
SETTLE_SECONDS = 3.0  # for slowhttptest's clients to come; for ours we wait as long as it takes
GOAL = 3.0  # times the calm p99
SLOWHTTPTEST = {
    "slowhttptest -H": f"-H -c 500 -r 250 -i 1 -t GET -x 24 -p 3 -u {{url}}{PATH}",
    "slowhttptest -B": "-B -c 200 -r 200 -i 1 -t POST -s 8192 -x 10 -p 3 -u {url}/body",
    "slowhttptest -X": "-X -c 200 -r 200 -n 1 -w 512 -y 1024 -z 32 -p 3 -u {url}/big",
}


def ask(client: socket.socket) -> bool:
    """One request on a kept connection; whether the answer was good."""
    client.sendall(ASKED)
    answer = b""
    while b"[12345]" not in answer:
        piece = client.recv(65536)
        if not piece:
            raise ConnectionError("The proxy closed the good client's connection")
        answer += piece
    return answer.startswith(b"HTTP/1.1 200 ")


def good_client(port: int, seconds: float) -> list[float]:
    """Milliseconds from when a request was due to its answer, for one client that behaves."""
    times = []
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        begun = time.monotonic()
        for number in range(round(seconds * RATE)):
            due = begun + number / RATE
            time.sleep(max(0.0, due - time.monotonic()))
            assert ask(client), "The good client got an error"
            times.append((time.monotonic() - due) * 1000)
    return times


@dataclass
class Sample:
    """The good client's times, and what the worker had meanwhile."""

    times: list[float]  # milliseconds
    cpu: float  # share of a core
    memory: float  # MB, the worker's peak
    sockets: int

    @property
    def p50(self) -> float:
        """Milliseconds."""
        return statistics.median(self.times)

    @property
    def p99(self) -> float:
        """Milliseconds."""
        return statistics.quantiles(self.times, n=100)[98]


def sockets(pid: int) -> int:
    """How many sockets a process has: clients, containers, a few of its own."""
    links = []
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            links.append(str(each.readlink()))
    return sum(link.startswith("socket:") for link in links)


def measure(target: Target, seconds: float) -> Sample:
    """The good client beside whatever else is there."""
    worker = target.pids()[-1]
    before, begun = cpu_seconds([worker]), time.monotonic()
    times = good_client(target.port, seconds)
    cpu = (cpu_seconds([worker]) - before) / (time.monotonic() - begun)
    return Sample(times, cpu, memory_mb(worker, "VmHWM"), sockets(worker))


@contextmanager
def attack(name: str, target: Target, folder: Path, seconds: float) -> Iterator[None]:
    """Slow clients, until the block ends; it begins when they are there."""
    ours = name not in SLOWHTTPTEST
    if ours:
        command = [sys.executable, str(BENCH / "proxy_slow_clients.py"), str(target.port), name]
    else:
        options = SLOWHTTPTEST[name].format(url=f"http://127.0.0.1:{target.port}").split()
        command = ["slowhttptest", *options, "-l", str(round(2 * SETTLE_SECONDS + seconds))]
    with process(LOAD_CORE, "nice", "-n", "10", *command, log=folder / "slow.log"):
        if ours:
            expected = sum(number for _, number in chosen(name))
            eventually(lambda: sockets(target.pids()[-1]) > expected, within=20)
        else:
            time.sleep(SETTLE_SECONDS)
        yield


def calm_and_attacked(target: Target, name: str, folder: Path, seconds: float) -> tuple[Sample, Sample]:
    """The good client without and with these slow clients."""
    time.sleep(1)  # for those of before to be gone
    set_peak_back(target.pids()[-1])
    calm = measure(target, seconds)
    with attack(name, target, folder, seconds):
        attacked = measure(target, seconds)
    return calm, attacked


def show(name: str, calm: list[Sample], attacked: list[Sample]) -> float:
    """Print a row of the table; how many times the calm p99 the attacked one is, the median of the rounds."""
    rounds = [after.p99 / before.p99 for before, after in zip(calm, attacked, strict=True)]
    ratio = statistics.median(rounds)
    row = [name, *times_of(calm), *times_of(attacked), f"{ratio:.2f} ({' '.join(f'{each:.2f}' for each in rounds)})"]
    row += [f"{statistics.mean(sample.cpu for sample in side):.1%}" for side in (calm, attacked)]
    row += [f"{max(sample.memory for sample in side):.0f}" for side in (calm, attacked)]
    sys.stdout.write(f"| {' | '.join(row)} | {max(sample.sockets for sample in attacked)} |\n")
    return ratio


def times_of(samples: list[Sample]) -> list[str]:
    """The medians of the rounds' p50 and p99."""
    return [f"{statistics.median(times):.2f}" for times in ([s.p50 for s in samples], [s.p99 for s in samples])]


def compare(target: Target, folder: Path, seconds: float, rounds: int) -> float:
    """Measure every attack in every round, and print; the worst ratio."""
    names = [*KINDS, "all of these", *(SLOWHTTPTEST if shutil.which("slowhttptest") else ())]
    pairs: dict[str, list[tuple[Sample, Sample]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            pairs[name].append(calm_and_attacked(target, name, folder, seconds))
    sys.stdout.write("| attack | calm p50 | p99 ms | attacked p50 | p99 ms | ratio of p99 (by round) ")
    sys.stdout.write("| calm CPU | attacked | calm MB | attacked | sockets |\n" + "|---" * 11 + "|\n")
    worst = max(show(name, [one for one, _ in found], [other for _, other in found]) for name, found in pairs.items())
    calm = [one.p99 for found in pairs.values() for one, _ in found]
    sys.stdout.write(f"Calm p99 of all rounds: {min(calm):.2f} to {max(calm):.2f} ms\n")
    return worst


def main() -> None:
    """Measure without and with them; exit code 1 when a ratio is beyond the goal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="slf-bench-"))
        folder.chmod(0o755)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        _, url = start_redis(stack, folder)
        ours = start_ours(stack, folder, url, start_backend(stack, folder))[0]
        os.sched_setaffinity(0, {LOAD_CORE})
        worst = compare(ours, folder, options.seconds, options.rounds)
    raise SystemExit(worst > GOAL)


if __name__ == "__main__":
    main()
