"""`python -m bpexp.ui`."""

from bpexp.ui.server import main

if __name__ == "__main__":
    raise SystemExit(main())
