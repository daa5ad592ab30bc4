"""A sandbox's process: Lambda's own runtime client, which ends when the local run does, also while it is frozen.

python -m local.runtime PARENT_PID HANDLER
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

from awslambdaric.__main__ import main

#: `prctl(2)`: the signal that comes when the parent ends. SIGKILL ends a stopped process too.
PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    _, parent, handler = sys.argv
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):
        sys.exit("the local run has ended")
    # What a function imports is in its own folder, as in Lambda.
    sys.path[0] = os.getcwd()
    main(["awslambdaric", handler])
