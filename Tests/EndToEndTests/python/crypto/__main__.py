"""Dapr's crypto API against a running Octavo, with the real SDK, raw gRPC and HTTP.

usage: python crypto FOLDER PART: FOLDER is where keys.py wrote; the components are called folder and set.
"""

import os
import sys
import warnings

warnings.filterwarnings("ignore", message="The .*crypt API is an Alpha version")

import crossing
import faults
import streams
import subtle
import tampering
from keys import Keys

PARTS = {
    "crossing": crossing.run,
    "tampering": tampering.run,
    "faults": faults.run,
    "subtle": subtle.run,
    "streams": streams.run,
}

if __name__ == "__main__":
    PARTS[sys.argv[2]](Keys(sys.argv[1]))
    print(sys.argv[2], "done")
