"""The balancer one writes in an afternoon, as a reference for the bench: Flask, requests, a Redis call per
command.

It does what the real one does for a request (turn, ring, record, forward), without batching, streaming or
strictness.
"""

import os
import time

import redis
import requests
from flask import Flask, Response, request

app = Flask(__name__)
state = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
sessions = requests.Session()
sessions.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=256))
HOP = {"connection", "keep-alive", "transfer-encoding", "content-encoding", "content-length"}


@app.route("/", defaults={"path": ""}, methods=["GET", "POST", "PUT", "DELETE"])
@app.route("/<path:path>", methods=["GET", "POST", "PUT", "DELETE"])
def forward(path: str) -> Response:
    """Forward one request."""
    turn = state.incr("naive:turn")
    state.zadd("naive:requests", {str(turn): time.time()})
    ring = sorted(state.hgetall("naive:ring").items())
    address = ring[turn % len(ring)][1]
    answer = sessions.request(
        request.method,
        f"http://{address}/{path}",
        params=request.args,
        data=request.get_data(),
        headers={key: value for key, value in request.headers if key.lower() != "host"},
        timeout=30,
    )
    headers = [(key, value) for key, value in answer.headers.items() if key.lower() not in HOP]
    return Response(answer.content, answer.status_code, headers)
