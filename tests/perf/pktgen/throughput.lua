-- Pktgen-DPDK: the highest rate without loss for each frame size (RFC 2544, 26.1), from port 0
-- through gateways A and B to port 1. Load pktgen.pkt first: it sets the addresses.
--
--   pktgen ... -- -m "[1:1].0,[2:2].1" -f pktgen.pkt      then type: script throughput.lua
package.path = package.path .. ";?.lua;test/?.lua;app/?.lua;../?.lua"
require "Pktgen"

local from, to = 0, 1           -- ports
local sizes = { 64, 128, 256, 512, 1024, 1280, 1420 } -- bytes with Ethernet's checksum; ESP must fit
local seconds = 10              -- of a trial
local settle = 1000             -- ms until the last frame has arrived
local steps = 11                -- trials, the first at 100 %: a rate is found to 0.1 % of the link's

local function trial(size, rate)
	local list = tostring(from)

	pktgen.range.pkt_size(list, "start", size)
	pktgen.range.pkt_size(list, "min", size)
	pktgen.range.pkt_size(list, "max", size)
	pktgen.set(list, "rate", rate)
	pktgen.set(list, "count", 0)
	pktgen.clr()
	pktgen.delay(settle)
	pktgen.start(list)
	pktgen.delay(seconds * 1000)
	pktgen.stop(list)
	pktgen.delay(settle)

	local sent = pktgen.portStats(tostring(from), "port")[from].opackets
	local received = pktgen.portStats(tostring(to), "port")[to].ipackets

	printf("%5d bytes %7.3f %%: %12d sent %12d received\n", size, rate, sent, received)
	return sent, received
end

local function search(size)
	local low, high, rate, best = 0, 100, 100, 0

	for _ = 1, steps do
		local sent, received = trial(size, rate)

		if sent > 0 and received >= sent then
			low, best = rate, received / seconds
		else
			high = rate
		end
		if low == 100 then
			break
		end
		rate = (low + high) / 2
	end
	return low, best
end

pktgen.screen("off")
printf("%5s %9s %14s %12s\n", "bytes", "of link", "frames/s", "Gbit/s")
for _, size in ipairs(sizes) do
	local rate, frames = search(size)

	printf("%5d %7.3f %% %14.0f %12.3f\n", size, rate, frames, frames * size * 8 / 1e9)
end
pktgen.screen("on")
