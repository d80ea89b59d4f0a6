"""The drawing itself: what stands where."""

from monitor.chart import drawn

CURVE = {"start": 0, "stretch": 2, "requests": [1.0, 5.0], "wanted": [1, 2], "target": [1, 3], "running": [1, 1]}


def test_load_stands_above_the_containers_of_each_policy() -> None:
    figure = drawn("a title", {"as it is": CURVE, "another": CURVE})
    load, containers = figure.axes
    assert load.get_title(loc="left") == "a title"
    assert (load.get_ylabel(), containers.get_ylabel()) == ("requests/s", "containers")
    legend = containers.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["as it is", "another"]
    targets = [list(line.get_ydata()) for line in containers.lines]
    assert targets == [[1, 2], [1, 3]] * 2


def test_more_policies_than_colours_are_all_drawn() -> None:
    figure = drawn("many", {f"policy {n}": CURVE for n in range(12)})
    assert len(figure.axes[1].lines) == 24
