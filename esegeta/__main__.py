"""``python -m esegeta``: the command line."""

from esegeta.cli import main

main()
