# Every part of the orchestrator, one image: the part is chosen by the command (lb, deploy, monitor, autoscaler, …).
#
#   docker build -f deploy/orchestrator.Dockerfile -t selfieless .
#
# BASE may be any image with Python 3.11 or newer as python3, its venv module, and CA certificates. Wheels in a folder
# `wheels` beside this repository's files are installed without asking a package index.

ARG BASE=python:3.12-slim-bookworm

FROM ${BASE} AS build
COPY requirements/lb.txt requirements/orchestrator.txt wheels* /build/
RUN python3 -m venv /venv \
 && if ls /build/*.whl >/dev/null 2>&1; then offline="--no-index --find-links /build"; fi \
 && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --retries 2 --require-hashes $offline \
    -r /build/lb.txt -r /build/orchestrator.txt
COPY pyproject.toml README.md /srv/
COPY requirements/acts.txt /srv/requirements/
COPY acts_app /srv/acts_app
COPY lb /srv/lb
COPY deploy /srv/deploy
COPY autoscaler /srv/autoscaler
COPY monitor /srv/monitor
# Nothing is ever installed again.
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-index --no-deps --no-build-isolation -e /srv \
 && /venv/bin/pip uninstall --yes --disable-pip-version-check pip setuptools \
 && python3 -m compileall -q /srv

FROM ${BASE}
RUN useradd --system --uid 10002 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin selfieless \
 && install -d -o 10002 -g 10002 -m 0750 /var/lib/selfieless
COPY --from=build /venv /venv
COPY --from=build /srv /srv
WORKDIR /srv
USER 10002:10002
ENV PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    STATE_DIR=/var/lib/selfieless
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=20s --timeout=10s --start-period=20s CMD ["python3", "-m", "deploy.part_check"]
ENTRYPOINT ["python3", "-m", "deploy.part"]
CMD ["lb"]
