"""Stands for the wandb package in tests: writes its calls to the file FAKE_WANDB, a line of JSON each. FAKE_WANDB_FAILS is a
reason for init to fail, FAKE_WANDB_DIES a number of calls of log after which the process ends."""
import json
import os
import sys

__version__ = "0.0"
logs = 0


def note(what, **more):
    with open(os.environ["FAKE_WANDB"], "a") as file:
        file.write(json.dumps({"call": what, **more}, sort_keys=True) + "\n")


def login(**more):
    note("login", **more)


class Image:
    def __init__(self, path):
        self.path = path


class Run:
    def __init__(self, id):
        self.id, self.project, self.entity, self.url = id or "made-up", "p", "e", None

    def log(self, numbers, step):
        global logs
        logs += 1
        if str(logs) == os.environ.get("FAKE_WANDB_DIES"):
            os._exit(3)
        note("log", step=step, numbers={k: v.path if isinstance(v, Image) else v for k, v in numbers.items()})

    def finish(self, exit_code):
        note("finish", exit_code=exit_code)


def init(**more):
    if "FAKE_WANDB_FAILS" in os.environ:
        raise RuntimeError(os.environ["FAKE_WANDB_FAILS"])
    print("on the standard output")
    print("on the standard error", file=sys.stderr)
    note("init", **more)
    return Run(more["id"])
