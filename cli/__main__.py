"""`python -m forecast.cli` is the command `forecast`."""

from forecast.cli.app import main

main()
