"""`python -m bridge` is `courtyard`."""

from bridge.cli import main

if __name__ == "__main__":
    main()
