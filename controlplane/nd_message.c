// Reads and writes neighbour solicitations and advertisements, and reads those that ask for
// routers. Any thread; pure. Must believe no field before the whole message has been checked:
// anybody on the segment can send one.
#include "nd_message.h"

#include <errno.h>
#include <string.h>

#include "addr.h"
#include "bytes.h"

#define ETHERTYPE_IPV6 0x86dd
#define ICMPV6         58
#define HOP_LIMIT      255 // RFC 4861, 3.1: nobody off the link can send it
#define ND_FIXED       24  // bytes before the options
#define OPTION_SOURCE  1
#define OPTION_TARGET  2

#define FLAG_ROUTER    0x80000000u
#define FLAG_SOLICITED 0x40000000u
#define FLAG_OVERRIDE  0x20000000u

uint16_t nd_checksum(const struct ip_addr *src, const struct ip_addr *dst, const uint8_t *message,
                     size_t len)
{
	uint32_t sum = (uint32_t)len + ICMPV6;

	for (unsigned i = 0; i < 16; i += 2)
		sum += (uint32_t)bytes_get_u16(src->bytes + i) + bytes_get_u16(dst->bytes + i);
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += bytes_get_u16(message + i);
	if (len & 1)
		sum += (uint32_t)message[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

struct ip_addr nd_solicited_node(const struct ip_addr *target)
{
	struct ip_addr a = {.family = 6, .bytes = {0xff, 2, [11] = 1, [12] = 0xff}};

	memcpy(a.bytes + 13, target->bytes + 13, 3);
	return a;
}

void nd_multicast_mac(const struct ip_addr *group, uint8_t mac[6])
{
	mac[0] = mac[1] = 0x33;
	memcpy(mac + 2, group->bytes + 12, 4);
}

static struct ip_addr read_address(struct reader *r)
{
	uint8_t bytes[16];

	reader_copy(r, bytes, sizeof(bytes));
	return addr_from_bytes(6, bytes);
}

// The ICMPv6 message of a frame: a reader of it alone, failed if this is none of ours.
static struct reader open_frame(const uint8_t *frame, size_t len, struct nd_message *m)
{
	struct reader r = reader_make(frame, len);
	uint8_t next, hops, version;
	uint16_t type, payload;

	reader_copy(&r, m->to, 6);
	reader_copy(&r, m->from, 6);
	type = reader_u16(&r);
	version = (uint8_t)(reader_u32(&r) >> 28);
	payload = reader_u16(&r);
	next = reader_u8(&r);
	hops = reader_u8(&r);
	m->src = read_address(&r);
	m->dst = read_address(&r);
	if (type != ETHERTYPE_IPV6 || version != 6 || next != ICMPV6 || hops != HOP_LIMIT)
		r.failed = true;
	return reader_sub(&r, payload);
}

// Takes the link-layer address option that belongs to the message; others are passed over.
static int read_options(struct reader *r, struct nd_message *m)
{
	uint8_t wanted = m->type == ND_ADVERTISEMENT ? OPTION_TARGET : OPTION_SOURCE;

	while (reader_left(r)) {
		uint8_t type = reader_u8(r), units = reader_u8(r);
		struct reader body;

		if (!reader_ok(r) || units == 0)
			return -EBADMSG;
		body = reader_sub(r, units * 8u - 2);
		if (!reader_ok(&body))
			return -EBADMSG;
		if (type != wanted)
			continue;
		if (units != 1)
			return -EBADMSG;
		reader_copy(&body, m->mac, 6);
		m->has_mac = true;
	}
	return m->has_mac && (m->mac[0] & 1) ? -EBADMSG : 0;
}

static int check_addresses(const struct nd_message *m)
{
	bool from_nobody = addr_is_zero(&m->src);
	struct ip_addr node = nd_solicited_node(&m->target);

	if (m->src.bytes[0] == 0xff || (m->from[0] & 1))
		return -EBADMSG;
	if (m->type == ND_ROUTER_SOLICITATION)
		return from_nobody && m->has_mac ? -EBADMSG : 0;
	if (!addr_is_host(&m->target))
		return -EBADMSG;
	if (m->type == ND_ADVERTISEMENT)
		return from_nobody || (m->dst.bytes[0] == 0xff && m->solicited) ? -EBADMSG : 0;
	return from_nobody && (m->has_mac || !addr_equal(&m->dst, &node)) ? -EBADMSG : 0;
}

int nd_read(const uint8_t *frame, size_t len, struct nd_message *out)
{
	struct nd_message m = {0};
	struct reader r = open_frame(frame, len, &m);
	const uint8_t *start = r.pos;
	size_t message_len = reader_left(&r);
	uint32_t flags;
	uint8_t code;

	m.type = reader_u8(&r);
	code = reader_u8(&r);
	reader_u16(&r);
	if (!reader_ok(&r) || (m.type != ND_SOLICITATION && m.type != ND_ADVERTISEMENT &&
	                       m.type != ND_ROUTER_SOLICITATION))
		return -ENOENT;
	flags = reader_u32(&r);
	if (m.type != ND_ROUTER_SOLICITATION)
		m.target = read_address(&r);
	if (!reader_ok(&r) || code != 0 || nd_checksum(&m.src, &m.dst, start, message_len) != 0)
		return -EBADMSG;
	if (m.type == ND_ADVERTISEMENT) {
		m.router = flags & FLAG_ROUTER;
		m.solicited = flags & FLAG_SOLICITED;
		m.override = flags & FLAG_OVERRIDE;
	}
	if (read_options(&r, &m) < 0 || check_addresses(&m) < 0)
		return -EBADMSG;
	*out = m;
	return 0;
}

void nd_write_headers(struct writer *w, const struct nd_message *m, uint16_t len)
{
	writer_put(w, m->to, 6);
	writer_put(w, m->from, 6);
	writer_u16(w, ETHERTYPE_IPV6);
	writer_u32(w, 6u << 28);
	writer_u16(w, len);
	writer_u8(w, ICMPV6);
	writer_u8(w, HOP_LIMIT);
	writer_put(w, m->src.bytes, 16);
	writer_put(w, m->dst.bytes, 16);
}

size_t nd_write(const struct nd_message *m, uint8_t frame[ND_FRAME])
{
	bool has_target = m->type != ND_ROUTER_SOLICITATION;
	size_t len = (has_target ? ND_FIXED : ND_FIXED - 16) + (m->has_mac ? 8 : 0);
	struct writer w = writer_make(frame, ND_FRAME);
	uint8_t *message;

	memset(frame, 0, ND_FRAME);
	nd_write_headers(&w, m, (uint16_t)len);
	message = frame + writer_len(&w);
	writer_u8(&w, m->type);
	writer_zero(&w, 3);
	writer_u32(&w, (m->router ? FLAG_ROUTER : 0) | (m->solicited ? FLAG_SOLICITED : 0) |
	                       (m->override ? FLAG_OVERRIDE : 0));
	if (has_target)
		writer_put(&w, m->target.bytes, 16);
	if (m->has_mac) {
		writer_u8(&w, m->type == ND_ADVERTISEMENT ? OPTION_TARGET : OPTION_SOURCE);
		writer_u8(&w, 1);
		writer_put(&w, m->mac, 6);
	}
	bytes_put_u16(message + 2, nd_checksum(&m->src, &m->dst, message, len));
	return writer_len(&w);
}
