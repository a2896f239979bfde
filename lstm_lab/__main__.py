"""python -m lstm_lab"""

import sys

from lstm_lab.cli import main

if __name__ == "__main__":
    sys.exit(main())
