#!/bin/sh
# Starts Ceph's object gateway on this machine alone, to try the store against: one monitor, one
# manager, one OSD on a file, one gateway, all as plain processes in one folder.
#
#   loadtest/ceph/start.sh FOLDER [PORT]
#
# Needs the packages radosgw, ceph-mon, ceph-mgr, ceph-osd, ceph-common. Prints, at the end, the
# variables that `loadtest/ceph/verify.sh` hands to the tests. `loadtest/ceph/stop.sh FOLDER` ends it.
# It keeps one copy of everything and syncs nothing twice: never for data that matters.
set -eu

folder=$(mkdir -p "$1" && cd "$1" && pwd)
port=${2:-7480}
access_key=attacca-tests
secret_key=a-secret-of-the-tests
bucket=attacca
conf="$folder/ceph.conf"
export CEPH_CONF="$conf"

say() { echo "ceph: $*" >&2; }

if [ ! -e "$folder/ready" ]; then
	rm -rf "$folder/mon" "$folder/mgr" "$folder/osd" "$folder/rgw"
	mkdir -p "$folder/mon" "$folder/mgr" "$folder/osd" "$folder/rgw" "$folder/run" "$folder/log"
	fsid=$(cat /proc/sys/kernel/random/uuid)
	cat > "$conf" <<CONF
[global]
fsid = $fsid
mon host = [v2:127.0.0.1:$((port + 1))]
mon initial members = a
ms bind ipv4 = true
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = $folder/keyring
run dir = $folder/run
admin socket = $folder/run/\$name.asok
pid file = $folder/run/\$name.pid
log file = $folder/log/\$name.log
crash dir = $folder/log
# One copy, on one OSD, in few placement groups.
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon data avail crit = 1
mon data avail warn = 2
mgr initial modules =

[mon.a]
mon data = $folder/mon

[mgr.a]
mgr data = $folder/mgr

[osd.0]
osd data = $folder/osd
osd objectstore = bluestore
bluestore block size = 21474836480
bluestore block path = $folder/block
bluestore block create = true
osd memory target = 939524096

[client.rgw]
rgw data = $folder/rgw
rgw frontends = beast endpoint=127.0.0.1:$port
rgw thread pool size = 32
CONF
	say "keys and the map of the monitor"
	ceph-authtool --create-keyring "$folder/keyring" --gen-key -n mon. --cap mon 'allow *' >&2
	ceph-authtool "$folder/keyring" --gen-key -n client.admin \
		--cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *' --cap mds 'allow *'
	ceph-authtool "$folder/keyring" --gen-key -n mgr.a \
		--cap mon 'allow profile mgr' --cap osd 'allow *' --cap mds 'allow *'
	ceph-authtool "$folder/keyring" --gen-key -n osd.0 \
		--cap mon 'allow profile osd' --cap mgr 'allow profile osd' --cap osd 'allow *'
	ceph-authtool "$folder/keyring" --gen-key -n client.rgw \
		--cap mon 'allow rw' --cap osd 'allow rwx'
	monmaptool --create --clobber --fsid "$fsid" --addv a "[v2:127.0.0.1:$((port + 1))]" \
		"$folder/monmap" >&2
	ceph-mon --mkfs -i a --monmap "$folder/monmap" --keyring "$folder/keyring"
fi

say "monitor"
ceph-mon -i a
if [ ! -e "$folder/ready" ]; then
	# Until a client can ask, the others would wait for it one by one.
	timeout 60 ceph --connect-timeout 60 mon enable-msgr2 >&2
	ceph config set mon auth_allow_insecure_global_id_reclaim false >&2
	osd_uuid=$(cat /proc/sys/kernel/random/uuid)
	ceph osd new "$osd_uuid" 0 >/dev/null 2>&1 || ceph osd new "$osd_uuid" >&2
	truncate -s 20G "$folder/block"
	say "OSD: its file"
	ceph-osd -i 0 --mkfs --osd-uuid "$osd_uuid" >&2
	ceph osd crush add osd.0 1.0 root=default host="$(hostname -s)" >&2
fi

say "manager, OSD"
ceph-mgr -i a
ceph-osd -i 0 >&2
until ceph osd stat 2>/dev/null | grep -q ' 1 up'; do sleep 0.3; done

say "gateway"
radosgw -n client.rgw
tries=0
until curl -s -o /dev/null "http://127.0.0.1:$port/"; do
	tries=$((tries + 1))
	[ $tries -lt 300 ] || { say "the gateway does not answer: see $folder/log"; exit 1; }
	sleep 0.3
done

if [ ! -e "$folder/ready" ]; then
	radosgw-admin user create --uid attacca --display-name attacca \
		--access-key "$access_key" --secret-key "$secret_key" >/dev/null
	touch "$folder/ready"
fi

cat <<VARIABLES
ATTACCA_TEST_S3_ENDPOINT_URL=http://127.0.0.1:$port
ATTACCA_TEST_S3_ACCESS_KEY=$access_key
ATTACCA_TEST_S3_SECRET_KEY=$secret_key
ATTACCA_TEST_S3_BUCKET=$bucket
VARIABLES
