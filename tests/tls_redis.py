"""A real Redis that speaks TLS alone and wants a password, with certificates made by openssl."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from helpers import eventually, free_port
from required import missing

from deploy.machine.redis_servers import find_binary, ping

PASSWORD = "a pass/word"
SAID = "a%20pass%2Fword"  # as it stands in a URL


@dataclass(frozen=True)
class Certificates:
    """A CA, and what it has signed for the server on this machine, and for a client."""

    folder: Path

    def file(self, name: str) -> Path:
        """ca.pem, server.pem, server.key, client.pem, client.key, other-ca.pem."""
        return self.folder / name

    @property
    def options(self) -> str:
        """What a client that shows its certificate says in the URL."""
        files = [self.file(name) for name in ("ca.pem", "client.pem", "client.key")]
        return "ssl_ca_certs={}&ssl_certfile={}&ssl_keyfile={}".format(*files)


def make_certificates(folder: Path) -> Certificates:
    """Make them all; they are good for a day."""
    for ca in ("ca", "other-ca"):
        new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
        openssl(folder, *new, "-subj", f"/CN=tests {ca}", "-keyout", f"{ca}.key", "-out", f"{ca}.pem")
    (folder / "server.ext").write_text("subjectAltName=IP:127.0.0.1")
    (folder / "client.ext").write_text("extendedKeyUsage=clientAuth")
    for name in ("server", "client"):
        new = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}"]
        openssl(folder, *new, "-keyout", f"{name}.key", "-out", f"{name}.csr")
        sign = ["x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"]
        openssl(folder, *sign, "-days", "1", "-extfile", f"{name}.ext", "-out", f"{name}.pem")
    return Certificates(folder)


def openssl(folder: Path, *words: str) -> None:
    """Run openssl there."""
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=30)


@contextmanager
def tls_redis(certificates: Certificates, *options: str) -> Iterator[int]:
    """The port of such a server, which wants a certificate of its clients, too."""
    binary = find_binary()
    if binary is None:
        missing("redis", "apt-get install redis-server")
    assert binary is not None
    port = free_port()
    command = [str(binary.path), "--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1", "--save", ""]
    command += ["--tls-cert-file", "server.pem", "--tls-key-file", "server.key", "--tls-ca-cert-file", "ca.pem"]
    command += ["--tls-auth-clients", "yes", "--requirepass", PASSWORD, "--loglevel", "warning", *options]
    process = subprocess.Popen(command, cwd=certificates.folder, stdout=subprocess.DEVNULL)
    try:
        url = f"rediss://:{SAID}@127.0.0.1:{port}/0?{certificates.options}"
        eventually(lambda: process.poll() is not None or ping(url) is None, within=10)
        if process.poll() is not None:
            missing("redis", "this redis-server was built without TLS: apt-get install redis-server")
        yield port
    finally:
        process.terminate()
        process.wait(10)
