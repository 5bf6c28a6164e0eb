#!/usr/bin/env bash
# VLAN subinterfaces, Vigil against Vigil with manual keys: the crypto maps are on tagged interfaces
# of the same VLAN, and a second one comes and goes while traffic flows.
# limit: 120
. "$(dirname "$0")/lib.sh"
lab_up
far_up
tagged() { sed 's/^interface FastEthernet0$/&.100\n encapsulation dot1Q 100/'; }
export TRANSFORM=esp-gcm
(umask 077
 manual_conf gw 1000 2000 $manual_key1 $manual_key2 | tagged >"$LAB_RUN/gw.conf"
 far_conf | tagged >"$LAB_RUN/peer1.conf")
vigil_start
vigil_start peer1
capture_start "$pcap" w-gw "ip or arp or vlan" # what follows `vlan` is looked for behind a tag

check "a tunnel over a tagged interface"
ping_all host "$far" 5
capture_stop
equal "$(times "vlan.id == 100 && esp.spi == 2000" | count_lines)" 5 "ESP out in VLAN 100"
equal "$(times "vlan.id == 100 && esp.spi == 1000" | count_lines)" 5 "ESP in in VLAN 100"
equal "$(packets "(ip || arp) && !vlan" eth.src eth.dst eth.type frame.protocols ip.src ip.dst arp.opcode)" "" \
	"packets without a tag"
equal "$(times "icmp" | count_lines)" 0 "pings in clear"
has "$(vigil "show interfaces")" "FastEthernet0.100 is up, line protocol is up" "[Vv]lan ID +100"

check "what has another tag, or none, is not the subinterface's"
mac=$(vigil "show interfaces" | sed -n 's/.*address is \([0-9a-f.]*\).*/\1/p' | head -n 1)
drops() { vigil "show counters" | sed -n 's/^ *\([0-9]*\) *drop vlan$/\1/p'; }
before=$(drops)
in_ns wan /usr/bin/python3 - "$mac" <<-END2
	import sys
	from scapy.all import Dot1Q, Ether, ICMP, IP, sendp
	mac = sys.argv[1].replace('.', '')
	link = Ether(dst=':'.join(mac[i:i + 2] for i in range(0, 12, 2)), src='02:00:00:00:00:99')
	echo = IP(src='192.0.2.99', dst='$GW_WAN') / ICMP()
	sendp([link / Dot1Q(vlan=101) / echo] * 3, iface='w-gw', verbose=False)
END2
dropped() { [ $(($(drops) - ${before:-0})) -ge "$1" ]; }
wait_until 10 "they are counted" dropped 3
equal $(($(drops) - ${before:-0})) 3 "frames of VLAN 101 that were dropped"

check "another subinterface, and none again, while traffic flows"
ping_start host "$far" 0.1
vigil_config "interface FastEthernet0.101" "encapsulation dot1Q 101" "ip address 198.51.100.1 255.255.255.0" >/dev/null
wait_until 15 "FastEthernet0.101 is up" bash -c "'$bin/vigil' -s '$LAB_RUN/gw.sock' -c 'show interfaces' | grep -q '^FastEthernet0.101 is up'"
has "$(vigil "show ip route")" "198.51.100.0"
sleep 0.5
vigil_config "no interface FastEthernet0.101" >/dev/null
lacks "$(vigil "show ip route")" "198.51.100.0"
sleep 0.5
ping_stop
# shellcheck disable=SC2154 # set by ping_stop
[ "$sent" -ge 8 ] || fail "only $sent pings"
equal "$lost" 0 "pings lost meanwhile"
vigil_stop
vigil_stop peer1
