"""`python -m keras_extras`: the same as the command `keras-extras`."""

import sys

from keras_extras.cli import main

if __name__ == "__main__":
    sys.exit(main())
