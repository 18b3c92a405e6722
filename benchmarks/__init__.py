"""Hot paths, measured: `make bench`. A benchmark prints; it asserts no time."""
