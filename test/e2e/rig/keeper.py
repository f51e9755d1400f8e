"""Starts the daemons of a server and adopts whatever they leave behind; when its standard input ends, all of them end.

Reads a line of JSON for each daemon, {"name", "words", "environment"}; writes {"name", "pid"} when it runs and {"ended"} with the
pid when it is over. What daemons say goes to standard error. A pid namespace would end them too, but with pids that nobody else knows
them by: utmp and the journal name them by the host's.
"""

import ctypes
import json
import os
import signal
import sys

PR_SET_CHILD_SUBREAPER = 36


def tell(**message):
    os.write(1, (json.dumps(message) + "\n").encode())


def start(name, words, environment):
    quiet = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), (os.POSIX_SPAWN_DUP2, 2, 1)]
    pid = os.posix_spawnp(words[0], words, environment, file_actions=quiet, setsid=True, setsigdef=[signal.SIGPIPE])
    tell(name=name, pid=pid)


def reap(*_):
    try:
        while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
            tell(ended=pid)
    except ChildProcessError:
        pass


def children():
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="latin1") as file:
                parent = int(file.read().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == os.getpid():
            found.append(int(pid))
    return found


def kill_all():
    """Children of who was killed become ours: until there are none."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    while pids := children():
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        for pid in pids:
            os.waitpid(pid, 0)


ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
signal.signal(signal.SIGCHLD, reap)
tell(name="keeper", pid=os.getpid())
try:
    for line in sys.stdin:
        start(**json.loads(line))
finally:
    kill_all()
