// Reads queries and writes reports of multicast listeners. Any thread; pure. Must believe no field
// before the whole message has been checked.
#include "mld_message.h"

#include <errno.h>
#include <string.h>

#include "addr.h"
#include "bytes.h"
#include "nd_message.h"

#define ETHERTYPE_IPV6 0x86dd
#define HOP_BY_HOP     0
#define ICMPV6         58
#define HOP_LIMIT      1
#define ALERT_BYTES    8 // hop-by-hop options with a router alert
#define ROUTER_ALERT   5 // RFC 2711
#define PAD1           0
#define QUERY          130
#define REPORT_V1      131
#define REPORT_V2      143
#define QUERY_V1_BYTES 24
#define QUERY_V2_BYTES 28
#define EXCLUDE_IS     2 // RFC 3810, 5.2.12: all sources are listened to
#define EXCLUDE_TO     4

static struct ip_addr read_address(struct reader *r)
{
	uint8_t bytes[16];

	reader_copy(r, bytes, sizeof(bytes));
	return addr_from_bytes(6, bytes);
}

// The hop-by-hop options, whose first byte says what comes next.
static bool has_router_alert(struct reader *r)
{
	uint8_t next = reader_u8(r), units = reader_u8(r);
	struct reader options = reader_sub(r, units * 8u + 6);
	bool alert = false;

	while (reader_left(&options)) {
		uint8_t type = reader_u8(&options);

		if (type == PAD1)
			continue;
		reader_take(&options, reader_u8(&options));
		alert = alert || type == ROUTER_ALERT;
	}
	return reader_ok(&options) && next == ICMPV6 && alert;
}

// RFC 3810, 5.1.3.
static uint32_t delay_of(uint16_t code, bool version1)
{
	if (version1 || code < 0x8000)
		return code;
	return ((code & 0xfffu) | 0x1000u) << (((code >> 12) & 7) + 3);
}

// The message behind the hop-by-hop options; `r` failed if this is no packet of a listener's or of
// one who asks.
static struct reader open_frame(const uint8_t *frame, size_t len, struct ip_addr *src,
                                struct ip_addr *dst, uint8_t from[6])
{
	struct reader r = reader_make(frame, len), payload;
	uint8_t next, hops, version;
	uint16_t type, length;

	reader_take(&r, 6);
	reader_copy(&r, from, 6);
	type = reader_u16(&r);
	version = (uint8_t)(reader_u32(&r) >> 28);
	length = reader_u16(&r);
	next = reader_u8(&r);
	hops = reader_u8(&r);
	*src = read_address(&r);
	*dst = read_address(&r);
	payload = reader_sub(&r, length);
	if (type != ETHERTYPE_IPV6 || version != 6 || next != HOP_BY_HOP || hops != HOP_LIMIT ||
	    !has_router_alert(&payload))
		payload.failed = true;
	return payload;
}

int mld_read(const uint8_t *frame, size_t len, struct mld_query *out)
{
	struct mld_query q = {0};
	struct ip_addr src, dst;
	struct reader r = open_frame(frame, len, &src, &dst, q.from);
	const uint8_t *start = r.pos;
	size_t message = reader_left(&r);
	uint8_t type = reader_u8(&r);
	uint16_t code;

	if (!reader_ok(&r) || type != QUERY)
		return -ENOENT;
	reader_take(&r, 3);
	code = reader_u16(&r);
	reader_u16(&r);
	q.group = read_address(&r);
	if (!reader_ok(&r) || !addr_is_link_local(&src) || (q.from[0] & 1) ||
	    nd_checksum(&src, &dst, start, message) != 0)
		return -EBADMSG;
	if (message != QUERY_V1_BYTES && message < QUERY_V2_BYTES)
		return -EBADMSG; // RFC 3810, 8.1
	q.version1 = message == QUERY_V1_BYTES;
	q.delay_ms = delay_of(code, q.version1);
	*out = q;
	return 0;
}

static void put_headers(struct writer *w, const struct mld_report *r, const struct ip_addr *dst,
                        size_t message)
{
	uint8_t to[6];

	nd_multicast_mac(dst, to);
	writer_put(w, to, 6);
	writer_put(w, r->from, 6);
	writer_u16(w, ETHERTYPE_IPV6);
	writer_u32(w, 6u << 28);
	writer_u16(w, (uint16_t)(ALERT_BYTES + message));
	writer_u8(w, HOP_BY_HOP);
	writer_u8(w, HOP_LIMIT);
	writer_put(w, r->src.bytes, 16);
	writer_put(w, dst->bytes, 16);
	writer_u8(w, ICMPV6);
	writer_u8(w, 0);
	writer_u8(w, ROUTER_ALERT);
	writer_u8(w, 2);
	writer_u16(w, 0);      // for multicast listener discovery
	writer_u16(w, 0x0100); // padding
}

size_t mld_write(const struct mld_report *r, uint8_t frame[MLD_FRAME])
{
	const struct ip_addr routers = {.family = 6, .bytes = {0xff, 2, [15] = 0x16}}; // ff02::16
	const struct ip_addr *dst = r->version1 ? &r->group : &routers;
	size_t len = r->version1 ? QUERY_V1_BYTES : 28;
	struct writer w = writer_make(frame, MLD_FRAME);
	uint8_t *message;

	memset(frame, 0, MLD_FRAME);
	put_headers(&w, r, dst, len);
	message = frame + writer_len(&w);
	writer_u8(&w, r->version1 ? REPORT_V1 : REPORT_V2);
	writer_zero(&w, r->version1 ? 7 : 6);
	if (!r->version1) {
		writer_u8(&w, 1); // record
		writer_u8(&w, r->starts ? EXCLUDE_TO : EXCLUDE_IS);
		writer_zero(&w, 3); // no sources
	}
	writer_put(&w, r->group.bytes, 16);
	bytes_put_u16(message + 2, nd_checksum(&r->src, dst, message, len));
	return writer_len(&w);
}
