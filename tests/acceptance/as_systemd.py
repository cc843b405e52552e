"""Becomes a program as systemd starts one: with a file of ours as descriptor 3, and told so.

`as_systemd.py DESCRIPTOR NUMBER ARGUMENTS...` is Python with the arguments, in this same process.
"""

import os
import sys

_, descriptor, number, *arguments = sys.argv

os.dup2(int(descriptor), 3)
passed = {"LISTEN_FDS": number, "LISTEN_PID": str(os.getpid())}
os.execve(sys.executable, [sys.executable, *arguments], {**os.environ, **passed})
