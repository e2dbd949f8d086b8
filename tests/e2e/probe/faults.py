"""Has the handler of ``call:initiate`` fail in a function whose environment says how.

``FAULT`` is ``raise``, ``exit`` (the process ends without a word) or ``hang``.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from watch import Finder  # type: ignore[import-not-found] # beside this file, on the same path

MODULE = "functions.calls.handlers"
EXIT_CODE = 7


def install() -> None:
    if "FAULT" in os.environ:
        sys.meta_path.insert(0, Finder({MODULE: _break}))


def _break(module: Any) -> None:
    """Every handler looks up what it calls in its module."""

    def fail(*_: Any) -> None:
        match os.environ["FAULT"]:
            case "raise":
                raise LookupError("a fault of this test")
            case "exit":
                os._exit(EXIT_CODE)
            case "hang":
                time.sleep(60)

    module._occupy_both = fail
