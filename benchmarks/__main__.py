"""Run every benchmark and print its ratios."""

import sys

from benchmarks import fusing, perturbation

if __name__ == "__main__":
    names = sys.argv[1:] or ["fusing", "perturbation"]
    for name in names:
        {"fusing": fusing, "perturbation": perturbation}[name].main()
