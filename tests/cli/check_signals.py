"""Runs a command with a terminal as its standard error, interrupts it once its progress line is there, and reads what it says
of that. usage: check_signals.py COMMAND..."""
import os
import pty
import signal
import subprocess
import sys


def read_until(fd, word, seen=b""):
    while word not in seen:
        try:
            more = os.read(fd, 4096)
        except OSError:  # the other side is closed
            break
        if not more:
            break
        seen += more
    return seen


terminal, side = pty.openpty()
run = subprocess.Popen(sys.argv[1:], stderr=side, stdout=subprocess.DEVNULL)
os.close(side)
signal.alarm(60)
before = read_until(terminal, b" evaluations ")
assert b"\r[" in before, before
run.send_signal(signal.SIGINT)
after = read_until(terminal, b"interrupted at")
assert b"\r\x1b[Ktransit: stopping; interrupt it once more to end it at once\r\n" in after, after
assert b"interrupted at" in after, after
assert run.wait() == 130, run.returncode
