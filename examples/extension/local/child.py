"""A program that ends when the local run does, also while it is frozen:

python -m local.child PARENT_PID PROGRAM ARGUMENT …
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

#: `prctl(2)`: the signal that comes when the parent ends. SIGKILL ends a stopped process too.
PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    _, parent, *command = sys.argv
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):
        sys.exit("the local run has ended")
    os.execvp(command[0], command)
