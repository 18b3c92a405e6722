"""Runs the benchmarks by name, or all of them: `python -m benchmarks [NAME…]`."""

import argparse

from benchmarks import (
    bench_disk_tier,
    bench_first_audio,
    bench_hits,
    bench_packaging,
    bench_policies,
    bench_remux,
    bench_s3,
)

BENCHMARKS = {
    "packaging": bench_packaging.main,
    "remux": bench_remux.main,
    "first-audio": bench_first_audio.main,
    "edge-hit": bench_hits.memory,
    "disk-hit": bench_hits.disk,
    "disk-tier": bench_disk_tier.main,
    "s3": bench_s3.main,
    "policies": bench_policies.main,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=", ".join(BENCHMARKS))
    names = parser.parse_args().names or list(BENCHMARKS)
    for name in names:
        if name not in BENCHMARKS:
            parser.error(f"there is no benchmark `{name}`; there are {', '.join(BENCHMARKS)}")
    for name in names:
        print(f"\n{name}")
        BENCHMARKS[name]()


if __name__ == "__main__":
    main()
