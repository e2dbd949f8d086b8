"""``make bench``, or ``python -m bench cold warm``: the given topics, or all if none is given."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from bench import cold, fairness, fanout, growth, requests, scale, side_by_side, transports, warm
from bench.table import Table

TOPICS: dict[str, Callable[[], Iterable[Table]]] = {
    "requests": requests.run,
    "cold": lambda: [cold.run()],
    "warm": lambda: [warm.run()],
    "fanout": lambda: [fanout.run()],
    "fairness": lambda: [fairness.run()],
    "transports": lambda: [transports.run()],
    "scale": scale.run,
    "growth": lambda: [growth.run()],
    "side-by-side": lambda: [side_by_side.run()],
}


def main(names: list[str]) -> int:
    unknown = sorted(set(names) - set(TOPICS))
    if unknown:
        print(f"There is no topic {unknown[0]}; there are {', '.join(TOPICS)}.", file=sys.stderr)
        return 2
    for name in names or TOPICS:
        for table in TOPICS[name]():
            print(table, end="\n\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
