"""The benchmarks know every function of the stack."""

from bench.firsts import firsts
from infra.functions import FUNCTIONS


def test_every_function_has_a_first_event() -> None:
    assert firsts().keys() == {row.name for row in FUNCTIONS}
