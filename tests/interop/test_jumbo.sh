#!/usr/bin/env bash
# Jumbo frames end to end, Vigil against Vigil with manual keys: ESP packets of 9100 bytes in both
# directions, the exact size that fits, and what is longer.
# limit: 120
. "$(dirname "$0")/lib.sh"
lab_up
mtu=9100
for link in host:host0 gw:gw-lan gw:gw-wan wan:w-gw wan:w-peer1 wan:br0 peer1:wan0; do
	in_ns "${link%%:*}" ip link set "${link#*:}" mtu $mtu
done
far_up
for link in peer1:in0 road:in1; do
	in_ns "${link%%:*}" ip link set "${link#*:}" mtu $mtu
done
long() { sed -e 's/^ port .*/&,framesz=9216,blocksz=36864/' -e 's/^interface .*/&\n mtu 9100/'; }
export TRANSFORM=esp-gcm MEMORY=1024
(umask 077
 manual_conf gw 1000 2000 $manual_key1 $manual_key2 | long >"$LAB_RUN/gw.conf"
 far_conf | long >"$LAB_RUN/peer1.conf")
vigil_start
vigil_start peer1
ping_all host "$far" 3

check "ESP packets of 9100 bytes, to the byte, both ways"
capture_start "$pcap" w-gw "esp"
# 20 outer header, 8 ESP, 8 IV, 2 trailer, 16 ICV: 9046 bytes inside, 28 of which are IP's and ICMP's.
ping_all host "$far" 5 -M "do" -s 9018
capture_stop
equal "$(packets esp ip.len | sort -u)" 9100 "length of all ESP packets"
equal "$(packets esp ip.len | count_lines)" 10 "ESP packets"

check "one byte more: the sender hears what fits"
in_ns host ping -c 1 -W 3 -M "do" -s 9019 "$far" >"$LAB_RUN/ping.out" 2>&1 || true
has "$(cat "$LAB_RUN/ping.out")" "mtu *= *9046"
in_ns host ip route flush cache

check "without DF it goes in two ESP packets"
capture_start "$pcap" w-gw "esp and src $GW_WAN"
ping_all host "$far" 1 -M dont -s 9019
capture_stop
equal "$(packets esp ip.len | count_lines)" 2 "ESP packets"
vigil_stop
vigil_stop peer1
