"""The child of `transit train --wandb`: hands lines of JSON to the wandb package.

Standard input is a socket; answers, lines of JSON too, go back through it. It is asked for, in this order:
  {"begin": {"dir", "id", "config"}, "output": PATH}   answered by {"id", "project", "entity", "url"}
  {"step": N, "numbers": {NAME: VALUE}} and {"step": N, "images": {NAME: PATH}}
  {"finish": STATUS}
and says {"version"} before, or {"error"} and ends. When the one who asks is gone, the run ends as failed.
"""
import sys

sys.path[:] = [path for path in sys.path if path]  # what lies in the working directory is not meant
import json
import os
import socket

asker = socket.socket(fileno=os.dup(0))  # this process's alone: the package's own children must not hold it open
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
lines = asker.makefile("r", encoding="utf-8")


def answer(**what):
    asker.sendall((json.dumps(what) + "\n").encode())


def load():
    try:
        import wandb
    except ImportError as error:
        answer(error="the Python package wandb cannot be loaded by python3 (pip install wandb): %s" % error)
        sys.exit(1)
    answer(version=str(getattr(wandb, "__version__", "?")))
    return wandb


def begin(wandb, what, output):
    """What the package prints goes to a file, so that the terminal stays the training's."""
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(file, 1)
    os.dup2(file, 2)
    key = os.environ.get("WANDB_KEY")
    if key and os.environ.get("WANDB_MODE", "online") == "online":
        wandb.login(key=key)
    return wandb.init(entity=os.environ.get("ENTITY") or None, project=os.environ.get("PROJECT") or None,
                      dir=what["dir"], id=what["id"], resume="allow", config=what["config"])


def serve(wandb, run):
    for line in lines:
        asked = json.loads(line)
        if "numbers" in asked:
            run.log(asked["numbers"], step=asked["step"])
        elif "images" in asked:
            run.log({name: wandb.Image(path) for name, path in asked["images"].items()}, step=asked["step"])
        elif "finish" in asked:
            return asked["finish"]
    return 1


def main():
    wandb = load()
    line = lines.readline()
    if not line:
        return
    asked = json.loads(line)
    try:
        run = begin(wandb, asked["begin"], asked["output"])
    except BaseException as error:
        answer(error="wandb does not begin: %s: %s" % (type(error).__name__, error))
        raise
    answer(**{name: getattr(run, name, None) for name in ("id", "project", "entity", "url")})
    run.finish(exit_code=serve(wandb, run))


main()
