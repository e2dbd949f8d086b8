"""Runs a command, and kills it with all processes that it has started when standard input ends.

``python guard.py COMMAND [ARGUMENT...]`` runs as the leader of a new process group. The process
that starts it holds the other end of standard input. The system closes that end however the process
dies. SIGKILL runs no clean-up and would otherwise leave an emulator and its workers behind.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading


def _kill_group_at_end_of_input() -> None:
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    threading.Thread(target=_kill_group_at_end_of_input, daemon=True).start()
    code = child.wait()
    sys.exit(code if code >= 0 else 128 - code)  # a signal, in the way of shells
