"""Tests that the fan-out benchmark still measures the broadcasts that the stack sends."""

from bench import fanout


def test_both_sides_of_the_fan_out_reach_every_recipient() -> None:
    table = str(fanout.run([("channel", 10, 1), (fanout.ALL, 100, 1)]))
    assert "| channel | 10 " in table
    assert "| `/user` | 100 " in table
