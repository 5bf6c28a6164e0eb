// See ipv6.h. [any] Every length is checked before it is used.
#include "ipv6.h"

#include <netinet/in.h>
#include <string.h>

#include "bytes.h"

#define HEADER        40u
#define FRAGMENT_MASK 0xfff8u
#define NEXT_HEADER   6
#define OPTION_PAD1   0
#define OPTION_ACTION 0xc0 // what to do with an option that is not known; 0 = pass over it

static bool is_extension(uint8_t proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_DSTOPTS ||
	       proto == IPPROTO_FRAGMENT;
}

// The options of a header that begins at `at`, `length` bytes behind its first two. We know no
// other option than padding.
static void read_options(const uint8_t *options, uint32_t length, uint32_t at,
                         struct ipv6_chain *chain)
{
	struct reader r = reader_make(options, length);

	while (reader_left(&r) && !chain->option) {
		uint32_t begin = at + 2 + length - (uint32_t)reader_left(&r);
		uint8_t type = reader_u8(&r);

		if (type != OPTION_PAD1)
			reader_take(&r, reader_u8(&r));
		if (!reader_ok(&r) || type & OPTION_ACTION)
			chain->option = (uint16_t)begin;
	}
}

// One extension header of type `proto`; its successor's type comes into *next.
static bool extension(struct reader *r, uint32_t at, uint8_t proto, uint8_t *next,
                      struct ipv6_chain *chain)
{
	const uint8_t *body;
	uint16_t offset;
	uint32_t length;

	*next = reader_u8(r);
	length = reader_u8(r);
	if (proto == IPPROTO_FRAGMENT) {
		if (chain->fragment)
			return false;
		offset = reader_u16(r);
		reader_u32(r);
		chain->fragment = (uint16_t)at;
		chain->later = offset & FRAGMENT_MASK;
		return reader_ok(r);
	}
	length = 6 + 8 * length;
	body = reader_take(r, length);
	if (body && proto != IPPROTO_ROUTING)
		read_options(body, length, at, chain);
	else if (body && body[1] && !chain->routed) // segments left
		chain->routed = (uint16_t)at;
	return reader_ok(r);
}

bool ipv6_chain(const uint8_t *packet, uint32_t len, struct ipv6_chain *chain)
{
	struct reader r = reader_make(packet, len);
	uint8_t proto = packet[NEXT_HEADER], next;

	*chain = (struct ipv6_chain){.named = NEXT_HEADER};
	reader_take(&r, HEADER);
	for (unsigned i = 0; is_extension(proto) && !chain->later; i++) {
		if (i == IPV6_EXTENSIONS_MAX || (i && proto == IPPROTO_HOPOPTS))
			return false;
		uint32_t at = len - (uint32_t)reader_left(&r);

		if (!extension(&r, at, proto, &next, chain))
			return false;
		chain->named = (uint16_t)at;
		proto = next;
	}
	chain->proto = proto;
	chain->hidden = is_extension(proto);
	chain->payload = (uint16_t)(len - reader_left(&r));
	return reader_ok(&r);
}

bool ipv6_is_whole(const uint8_t *packet, uint32_t len, uint32_t *total)
{
	if (len < HEADER || packet[0] >> 4 != 6)
		return false;
	*total = HEADER + bytes_get_u16(packet + IPV6_PAYLOAD_LENGTH);
	// A payload length of 0 is a jumbogram's, unless there is no next header.
	return *total <= len && (*total > HEADER || packet[NEXT_HEADER] == IPPROTO_NONE);
}

bool ipv6_is_host(const uint8_t addr[16])
{
	static const uint8_t zero[16], mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (addr[0] == 0xff || memcmp(addr, mapped, sizeof(mapped)) == 0)
		return false;
	return memcmp(addr, zero, 15) != 0 || addr[15] > 1;
}

bool ipv6_is_link_local(const uint8_t addr[16])
{
	return addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80;
}

uint16_t ipv6_sum(const struct rte_ipv6_hdr *ip, uint8_t proto, const void *data, uint32_t len)
{
	struct {
		uint32_t len, proto;
	} pseudo = {rte_cpu_to_be_32(len), rte_cpu_to_be_32(proto)};
	uint32_t sum = rte_raw_cksum(ip->src_addr, 32);

	sum += rte_raw_cksum(&pseudo, sizeof(pseudo));
	sum += rte_raw_cksum(data, len);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}
