"""Runs the benchmarks by name, or all of them: `python -m benchmarks [NAME…]`."""

import argparse

from benchmarks import bench_edge_hit, bench_first_audio, bench_packaging

BENCHMARKS = {
    "packaging": bench_packaging.main,
    "first-audio": bench_first_audio.main,
    "edge-hit": bench_edge_hit.main,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], default=[])
    for name in parser.parse_args().names or BENCHMARKS:
        print(f"\n{name}")
        BENCHMARKS[name]()


if __name__ == "__main__":
    main()
