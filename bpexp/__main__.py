"""`python -m bpexp`, and the command `bpexp`: signals and output are taken over before anything else is imported."""

from bpexp.cli.process import own_process


def main() -> None:
    """Execute the command line in a process of its own."""
    with own_process():
        from bpexp.cli.main import main

        main()


if __name__ == "__main__":
    main()
