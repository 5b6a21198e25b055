"""The Pareto front against its definition, and the marks that a sweep makes of it."""

from hypothesis import given
from hypothesis import strategies as st

from workbench.sweep.pareto import pareto_front

VALUE = st.none() | st.integers(0, 4).map(float)


def beats(one: list[float], other: list[float]) -> bool:
    """No worse anywhere and better somewhere; smaller is better."""
    no_worse = all(a <= b for a, b in zip(one, other, strict=True))
    return no_worse and any(a < b for a, b in zip(one, other, strict=True))


@given(st.integers(1, 3).flatmap(lambda width: st.lists(st.lists(VALUE, min_size=width, max_size=width), max_size=12)))
def test_the_front_is_what_nobody_beats(points: list[list[float | None]]) -> None:
    known = [point for point in points if None not in point]
    wanted = [None not in point and not any(beats(other, point) for other in known) for point in points]  # type: ignore[arg-type]
    assert pareto_front(points) == wanted


def test_equal_points_are_both_on_the_front() -> None:
    assert pareto_front([(1.0, 2.0), (1.0, 2.0), (2.0, 2.0), (0.0, 3.0), (None, 0.0)]) == [
        True,
        True,
        False,
        True,
        False,
    ]
