"""Makes the handler of ``call:initiate`` fail in a function with ``FAULT`` in its environment.

``FAULT`` is ``raise``, ``exit`` (the process ends without printing anything) or ``hang``.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from watch import Finder  # type: ignore[import-not-found] # beside this file, on the same path

MODULE = "functions.calls.initiating"
EXIT_CODE = 7


def install() -> None:
    """Break the handler when its module is imported."""
    if "FAULT" in os.environ:
        sys.meta_path.insert(0, Finder({MODULE: _break}))


def _break(module: Any) -> None:
    """Replace a function that the handler looks up in its module."""

    def fail(*_: Any) -> None:
        match os.environ["FAULT"]:
            case "raise":
                raise LookupError("a fault of this test")
            case "exit":
                os._exit(EXIT_CODE)
            case "hang":
                time.sleep(60)

    module._occupy_both = fail
