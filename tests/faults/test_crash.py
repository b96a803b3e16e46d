#!/usr/bin/env python3
"""The short crash tests, as script/test finds them. The full ones: crash.py --size full."""
import crash

if __name__ == "__main__":
    crash.main(["--size", "short"])
