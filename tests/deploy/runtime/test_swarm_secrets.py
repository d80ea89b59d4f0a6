"""Which secrets of a swarm a container shares; how they are attached is tried on a swarm in test_swarm_engine.py."""

from deploy.runtime.swarm_secrets import certificates, shared


def test_what_the_deploy_worker_has_from_the_swarm_is_shared_as_far_as_the_application_reads_it():
    variables = {
        "SESSION_SECRET_FILE": "/run/secrets/session_secret",
        "CRASH_TOKEN_FILE": "/home/me/token",
        "REDIS_PASSWORD_FILE": "/run/secrets/redis_password",
        "ACTS_REDIS_PASSWORD": "in plain",
    }
    assert shared(variables) == {"SESSION_SECRET_FILE": "/run/secrets/session_secret"}


def test_files_of_the_acts_store_that_are_secrets_are_shared_at_their_places_and_others_are_the_images():
    options = "ssl_ca_certs=/etc/ssl/ca.pem&ssl_certfile=/run/secrets/client.pem&ssl_keyfile=/run/secrets/client.key"
    assert certificates({"ACTS_REDIS_URL": f"rediss://store:6379/0?{options}"}) == {
        "ssl_certfile": "/run/secrets/client.pem",
        "ssl_keyfile": "/run/secrets/client.key",
    }
    assert certificates({"ACTS_REDIS_URL": "redis://store:6379/0"}) == certificates({}) == {}
