#!/bin/sh
# Runs the tests of the object store against Ceph's gateway instead of SeaweedFS.
#
#   loadtest/ceph/verify.sh            (as root: apt-get install radosgw ceph-mon ceph-mgr ceph-osd
#                                      ceph-common, without recommended packages)
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
end() {
	"$root/loadtest/ceph/stop.sh" "$folder"
	rm -rf "$folder"
}
trap end EXIT
"$root/loadtest/ceph/start.sh" "$folder" "${1:-7480}" > "$folder.variables"
set -a
# shellcheck disable=SC1090
. "$folder.variables"
set +a
rm "$folder.variables"
cd "$root"
.venv/bin/python -m pytest -q origin/tests/test_object_store.py origin/tests/test_s3_store.py -k s3
