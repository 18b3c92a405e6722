"""`python -m packager`: one packaging worker. Started by `packager.pool`, not by people."""

import sys

from packager.worker import main

if __name__ == "__main__":
    main(sys.argv[1:])
