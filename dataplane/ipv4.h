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

// RFC 1071 over a header of 20 bytes, not all of them 0.
static inline bool ipv4_checksum20_holds(const struct rte_ipv4_hdr *ip)
{
	const uint8_t *at = (const uint8_t *)ip;
	uint64_t first, second, sum;
	uint32_t third;

	memcpy(&first, at, sizeof(first));
	memcpy(&second, at + 8, sizeof(second));
	memcpy(&third, at + 16, sizeof(third));
	// In 64 bits with the carry coming in again, as in 16: 2^16 - 1 divides 2^64 - 1.
	sum = first + second;
	sum += sum < second;
	sum += third;
	sum += sum < third;
	return sum % UINT16_MAX == 0;
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
