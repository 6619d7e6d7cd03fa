#!/bin/sh
# Gives every zone of a knot.conf the one key that signs it. Usage: zone_keys.sh KNOT.CONF KEY.pem
# Runs before Knot starts, as its user; does something at the first start only.
set -eu
conf=$1 key=$2 done=/var/lib/knot/zone_keys.done
[ ! -e "$done" ] || exit 0
sed -n 's/^ *- domain: "\(.*\)"$/\1/p' "$conf" | while read -r zone; do
  keymgr -c "$conf" "$zone" import-pem "$key" algorithm=ecdsap256sha256 ksk=yes zsk=yes \
    created=-1d publish=-1d ready=-1d active=-1d > /dev/null
done
: > "$done"
