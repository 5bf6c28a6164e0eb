-- Pktgen-DPDK: a million frames each way through gateways A and B, counted at both ends. Load
-- pktgen.pkt first: it sets addresses, rate and count.
--
--   pktgen ... -- -m "[1:1].0,[2:2].1" -f pktgen.pkt      then type: script count.lua
package.path = package.path .. ";?.lua;test/?.lua;app/?.lua;../?.lua"
require "Pktgen"

local count, longest = 1000000, 600 -- frames each way; seconds to wait

pktgen.set("all", "count", count)
pktgen.clr()
pktgen.delay(1000)
pktgen.start("0,1")
for _ = 1, longest do
	local s = pktgen.portStats("0,1", "port")

	pktgen.delay(1000)
	if s[0].opackets >= count and s[1].opackets >= count then
		break
	end
end
pktgen.delay(1000)

local s = pktgen.portStats("0,1", "port")

printf("A to B: %d sent, %d received\n", s[0].opackets, s[1].ipackets)
printf("B to A: %d sent, %d received\n", s[1].opackets, s[0].ipackets)
printf("%s\n", s[0].opackets == s[1].ipackets and s[1].opackets == s[0].ipackets and "no loss" or "LOSS")
