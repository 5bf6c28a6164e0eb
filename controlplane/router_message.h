// Router advertisements on the wire (RFC 4861, 4.2 and 4.6). Any thread; pure.
#ifndef VIGIL_ROUTER_MESSAGE_H
#define VIGIL_ROUTER_MESSAGE_H

#include "types.h"

#define ROUTER_PREFIXES 24 // most prefixes of an advertisement
// Bytes of the longest frame: Ethernet, IPv6, the fixed part, link-layer address, MTU, prefixes.
#define ROUTER_FRAME (14 + 40 + 16 + 8 + 8 + ROUTER_PREFIXES * 32)

struct router_prefix {
	struct ip_prefix prefix;
	uint32_t valid, preferred; // seconds; UINT32_MAX = for ever
	bool on_link, autoconfig;
};

struct router_advert {
	uint8_t from[6];
	struct ip_addr src; // link-local
	uint16_t lifetime;  // seconds as a default router; 0 = none
	bool managed, other;
	uint8_t preference; // two bits (RFC 4191, 2.1)
	uint32_t mtu;
	struct router_prefix prefixes[ROUTER_PREFIXES];
	unsigned n_prefixes;
};

// Makes the frame, to all nodes, and returns its length.
size_t router_advert_write(const struct router_advert *a, uint8_t frame[ROUTER_FRAME]);

#endif
