"""`python -m models.training` trains the embedded family; see `models.training.train`."""

import sys

from models.training.train import main

sys.exit(main())
