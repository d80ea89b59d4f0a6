# One acts container: the web application under gunicorn, listening on port 80 inside, as an account without powers.
#
#   docker build -f deploy/acts.Dockerfile -t acts .
#
# BASE may be any image with Python 3.11 or newer as python3, its venv module, and CA certificates. Wheels in a folder
# `wheels` beside this repository's files are installed without asking a package index.

ARG BASE=python:3.12-slim-bookworm

FROM ${BASE} AS build
COPY requirements/acts.txt wheels* /build/
RUN python3 -m venv /venv \
 && if ls /build/*.whl >/dev/null 2>&1; then offline="--no-index --find-links /build"; fi \
 && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --timeout 8 --retries 2 --require-hashes $offline -r /build/acts.txt \
 && /venv/bin/pip uninstall --yes --disable-pip-version-check pip setuptools

FROM ${BASE}
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin acts
COPY --from=build /venv /venv
COPY acts_app /srv/acts_app
RUN python3 -m compileall -q /srv/acts_app
WORKDIR /srv
USER 10001:10001
ENV PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ACTS_BIND=0.0.0.0:80 \
    STATE_DIR=/tmp/acts
EXPOSE 80
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=2s --start-period=10s CMD ["python3", "-c", \
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:80/api/v1/_health', timeout=1)"]
CMD ["gunicorn", "-c", "python:acts_app.gunicorn_conf"]
