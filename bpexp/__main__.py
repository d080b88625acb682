"""`python -m bpexp`."""

from bpexp.app import main

if __name__ == "__main__":
    main()
