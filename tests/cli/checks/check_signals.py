"""Signals to a run with a terminal as its standard error: one stops it, two end it at once, and what it says of that.
usage: check_signals.py once|twice SIGNAL COMMAND..., the last word of which is the folder of results; the run must be one
that does not end by itself.

The terminal is held, as Ctrl-S does, while signals are sent: the run waits in its next write to it, and the first signal's
handler in its own, until the terminal goes on. So a second signal always finds the run there, on any machine."""
import os
import pty
import signal
import subprocess
import sys
import termios
import time

SECOND_SIGNAL = 0.1  # PROGRAM_SECOND_SIGNAL of experiments/common/program.h
STOPPING = b"\r\x1b[Ktransit: stopping; interrupt it once more to end it at once\r\n"
AT_ONCE = b"\r\x1b[Ktransit: stopped at once, by a second signal\r\n"


def read_until(fd, word, seen=b""):
    while word is None or word not in seen:
        try:
            more = os.read(fd, 4096)
        except OSError:  # the other side is closed
            break
        if not more:
            break
        seen += more
    return seen


def status_of(run):
    """What the kernel says of the main thread."""
    with open(f"/proc/{run.pid}/task/{run.pid}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def has(status, field, number):
    return int(status[field], 16) >> (number - 1) & 1


def waits_in_handler(run, number):
    """Within a handler, which signals wait for, the one thing to sleep in is its write to the terminal. Asked twice, since
    the thread may have entered the handler after its state was read."""
    for _ in range(2):
        status = status_of(run)
        if not has(status, "SigBlk", number) or not status["State"].startswith("S"):
            return False
    return True


def waits_for_handler(run, number):
    """Whether the signal comes to the main thread next. One that another thread got is handed on to it."""
    status = status_of(run)
    return has(status, "SigPnd", number) or (status["Threads"] == "1" and has(status, "ShdPnd", number))


def until(condition, run, number):
    while not condition(run, number):
        assert run.poll() is None, run.returncode
        time.sleep(0.01)


def give_up(*_):
    raise TimeoutError("the run hangs")


def end(number, _):
    raise SystemExit(128 + number)


def signals(run, terminal, side, times, number, folder):
    before = read_until(terminal, b" evaluations ")
    assert b"\r[" in before, before
    termios.tcflow(side, termios.TCOOFF)
    assert os.listdir(folder), "nothing is there that a signal could leave behind"
    run.send_signal(number)
    until(waits_in_handler, run, number)
    if times == 2:
        time.sleep(2 * SECOND_SIGNAL)  # from when the first one was handled: longer is as good
        run.send_signal(number)
        until(waits_for_handler, run, number)
    termios.tcflow(side, termios.TCOON)
    os.close(side)
    after = read_until(terminal, None)
    if times == 2:
        assert after.endswith(STOPPING + AT_ONCE), after
    else:
        assert STOPPING in after and AT_ONCE not in after and b"interrupted at" in after, after
    assert run.wait() == 128 + number, run.returncode


times = {"once": 1, "twice": 2}[sys.argv[1]]
number = signal.Signals["SIG" + sys.argv[2]]
terminal, side = pty.openpty()
signal.signal(signal.SIGALRM, give_up)
signal.alarm(240)
for ending in (signal.SIGTERM, signal.SIGHUP):  # of this script: the run must not outlive it
    signal.signal(ending, end)
run = None
try:
    run = subprocess.Popen(sys.argv[3:], stderr=side, stdout=subprocess.DEVNULL)
    signals(run, terminal, side, times, number, sys.argv[-1])
finally:
    if run:
        run.kill()
        run.wait()
