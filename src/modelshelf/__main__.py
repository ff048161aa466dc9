"""`python -m modelshelf`: the command line, wherever the script is not on the PATH."""

from modelshelf.cli.main import main

if __name__ == "__main__":
    main()
