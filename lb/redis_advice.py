"""What to do when a Redis cannot be used: from what the client library says to a cause and its fix. Pure.

The library's own words name a cause to who knows TLS and Redis by heart ("wrong version number" is a server that speaks
no TLS). What nothing is known about stays as it was said.
"""

# A server that speaks TLS hangs up on who does not, and on who shows no certificate where it wants one.
MAYBE_TLS = "if it speaks TLS, write rediss://, and name ssl_certfile and ssl_keyfile if it wants a certificate of ours"

# What the error says, and what it means. The first that fits counts.
ADVICE = (
    ("hostname mismatch", "its certificate is made out to another name: use that one, or ssl_check_hostname=false"),
    ("ip address mismatch", "its certificate is made out to another name: use that one, or ssl_check_hostname=false"),
    (
        "certificate verify failed",
        "its certificate is signed by nobody who is known here: name the file of its CA with ssl_ca_certs",
    ),
    ("wrong version number", "it does not speak TLS there: write redis:// for rediss://, or use its TLS port"),
    ("record layer failure", "it does not speak TLS there: write redis:// for rediss://, or use its TLS port"),
    ("handshake is taking longer", "it does not speak TLS there, or hangs: see whether redis:// does"),
    ("handshake operation timed out", "it does not speak TLS there, or hangs: see whether redis:// does"),
    ("certificate required", "it wants a certificate of ours: name ssl_certfile and ssl_keyfile"),
    ("unknown ca", "it does not trust the CA of our certificate (ssl_certfile)"),
    ("noauth", "it wants a password: redis://:PASSWORD@… or the variable for it"),
    ("authentication required", "it wants a password: redis://:PASSWORD@… or the variable for it"),
    ("called without any password configured", "it knows no password: leave it out of the URL"),
    ("wrongpass", "the user or the password is wrong"),
    ("invalid username-password", "the user or the password is wrong"),
    ("noperm", "that user may not do it: give it the commands, keys and channels (ACL SETUSER … ~* &* +@all)"),
    ("no permissions", "that user may not do it: give it the commands, keys and channels (ACL SETUSER … ~* &* +@all)"),
    ("no master found", "no sentinel knows a master of that name: see SENTINEL MASTERS for the names that they know"),
    ("no sentinel knows", "look whether the sentinels run, and at SENTINEL MASTERS for the names that they know"),
    ("connection closed by server", MAYBE_TLS),
    ("connection reset by peer", MAYBE_TLS),
    ("the connection was lost", MAYBE_TLS),
    ("oom command not allowed", "it is full: give it more memory (maxmemory), or less to hold (COUNT_PRECISION=1)"),
    ("is a replica", "wait for the fail-over to end, or look at the sentinels"),
    ("read only replica", "it is a replica: name the master, or the sentinels that know it (redis+sentinel://…)"),
)


def advice(problem: object) -> str:
    """What the problem says, and what it means where that is known."""
    said = " ".join(str(problem).split()).rstrip(".")
    meaning = next((words for sign, words in ADVICE if sign in said.lower()), "")
    return f"{said}: {meaning}" if meaning else said
