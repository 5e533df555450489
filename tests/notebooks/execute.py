"""Runs a notebook in its own folder: execute.py NOTEBOOK FOLDER. Plots go to FOLDER as PNG; what is printed is printed."""
import base64
import os
import sys
import time

import nbformat
from nbclient import NotebookClient


def plots(cell):
    return [o["data"]["image/png"] for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]


def main(path, folder):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    started = time.monotonic()
    where = os.path.dirname(os.path.abspath(path))
    NotebookClient(notebook, timeout=1200, kernel_name="python3", resources={"metadata": {"path": where}}).execute()
    made = 0
    for cell in notebook.cells:
        wanted = cell.source.count("plt.show()") if cell.cell_type == "code" else 0
        found = plots(cell)
        if len(found) != wanted:
            sys.exit(f"{cell.id}: {len(found)} plots, expected {wanted}")
        for png in found:
            made += 1
            with open(os.path.join(folder, f"plot-{made}.png"), "wb") as out:
                out.write(base64.b64decode(png))
        for output in cell.get("outputs", []):
            print(output.get("text", ""), end="")
    if not made:
        sys.exit("no plots")
    print(f"{made} plots in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
