import sys

from transformer_tutorial.cli import main

sys.exit(main())
