#!/bin/sh
# Ends what `loadtest/ceph/start.sh FOLDER` has started; the data stays.
set -eu

folder=$(cd "$1" && pwd)
for name in client.rgw osd.0 mgr.a mon.a; do
	file="$folder/run/$name.pid"
	[ -e "$file" ] || continue
	pid=$(cat "$file")
	kill "$pid" 2>/dev/null || true
	tries=0
	while kill -0 "$pid" 2>/dev/null; do
		tries=$((tries + 1))
		[ $tries -lt 50 ] || kill -9 "$pid" 2>/dev/null || true
		sleep 0.2
	done
	rm -f "$file"
done
