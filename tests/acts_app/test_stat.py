"""The stat of a container."""

from acts_app.stat import Stat


def test_stat_goes_from_1_to_0_and_stays() -> None:
    stat = Stat()
    assert (stat.value, stat.crashed) == (1, False)
    stat.crash()
    stat.crash()
    assert (stat.value, stat.crashed) == (0, True)
