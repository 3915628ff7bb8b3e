"""Where the command `studies` starts, as `diffusion` does."""

from diffusion.__main__ import start


def main():
    """Run `studies`."""
    start("studies")


if __name__ == "__main__":
    main()
