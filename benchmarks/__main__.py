"""Run every benchmark and print its ratios; ``methods --write PAGE`` also writes its table."""

import argparse
from pathlib import Path

from benchmarks import (
    counterfactual,
    engine,
    fusing,
    many,
    methods,
    metrics,
    patches,
    perturbation,
    training,
)

PARTS = {
    "methods": methods,
    "fusing": fusing,
    "perturbation": perturbation,
    "engine": engine,
    "many": many,
    "patches": patches,
    "metrics": metrics,
    "training": training,
    "counterfactual": counterfactual,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []])
    parser.add_argument("--write", type=Path, help="the page for the table of the methods")
    chosen = parser.parse_args()
    for name in chosen.parts or PARTS:
        if name == "methods":
            methods.main(chosen.write)
        else:
            PARTS[name].main()
