"""Run every benchmark and print its ratios."""

import sys

from benchmarks import engine, fusing, many, methods, patches, perturbation

PARTS = {
    "methods": methods,
    "fusing": fusing,
    "perturbation": perturbation,
    "engine": engine,
    "many": many,
    "patches": patches,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or PARTS:
        PARTS[name].main()
