"""`python -m sambay` is the command `sambay`."""

import sys

from sambay.cli import main

if __name__ == "__main__":
    sys.exit(main())
