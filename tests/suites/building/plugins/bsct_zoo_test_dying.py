"""The command line in a process that kills itself, as the kernel would, when it comes to a chosen call.

python -m bsct_zoo_test_dying MODULE:NAME N WORDS...
"""

import os
import signal
import sys
from importlib import import_module


def die_at(place, count):
    """Kill this process in place of the ``count``-th call of ``place``."""
    module, _, path = place.partition(":")
    *owners, name = path.split(".")
    owner = import_module(module)
    for step in owners:
        owner = getattr(owner, step)
    usual, left = getattr(owner, name), count

    def called(*args, **kwargs):
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return usual(*args, **kwargs)

    setattr(owner, name, called)


if __name__ == "__main__":
    die_at(sys.argv[1], int(sys.argv[2]))
    sys.argv = ["bsct-zoo", *sys.argv[3:]]
    from bsct_zoo.cli.main import main

    main()
