"""`python -m forecast.cli` is the command `forecast`."""

from forecast.cli.entry import main

main()
