// IPv4 headers without options: the small arithmetic that nearly every packet needs. [W]
#ifndef VIGIL_DATAPLANE_IPV4_H
#define VIGIL_DATAPLANE_IPV4_H

#include <rte_ip.h>
#include <stdbool.h>
#include <string.h>

// RFC 1122, 3.2.1.3 and RFC 1812, 5.3.7: what no packet on a wire may have as its source (host
// order).
static inline bool ipv4_source_is_bad(uint32_t src)
{
	uint32_t first = src >> 24;

	return first - 1 >= 223 || first == 127;
}

// RFC 1071 over a header of 20 bytes.
static inline bool ipv4_checksum20_holds(const struct rte_ipv4_hdr *ip)
{
	uint32_t words[5];
	uint64_t sum;

	memcpy(words, ip, sizeof(words));
	sum = (uint64_t)words[0] + words[1] + words[2] + words[3] + words[4];
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

// The same over a header of `len` bytes.
static inline bool ipv4_checksum_holds(const struct rte_ipv4_hdr *ip, uint8_t len)
{
	return len == sizeof(*ip) ? ipv4_checksum20_holds(ip) : rte_raw_cksum(ip, len) == 0xffff;
}

// RFC 1624, equation 3, for the TTL's byte.
static inline void ipv4_ttl_decrement(struct rte_ipv4_hdr *ip)
{
	uint32_t sum = (uint32_t)ip->hdr_checksum + rte_cpu_to_be_16(0x0100);

	ip->time_to_live--;
	ip->hdr_checksum = (uint16_t)((sum & 0xffff) + (sum >> 16));
}

#endif
