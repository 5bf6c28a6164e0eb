// Reads "fragmentation needed" (RFC 1191, 4) and "packet too big" (RFC 4443, 3.2) about ESP that
// this gateway may have sent, and tells the control core. [W] Must not change an SA by itself:
// anybody may send these.
#include "path_mtu.h"

#include "bytes.h"
#include "esp.h"
#include "icmp.h"
#include "ipv6.h"

#define ICMP_HEADER     8
#define ICMPV6_TOO_BIG  2
#define IPV6_HEADER     40
#define EVENTS_A_SECOND 50u

// RFC 1191, 7: what a link of a router that says nothing may have.
static uint16_t plateau_below(uint16_t len)
{
	static const uint16_t plateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, 576};

	for (unsigned i = 0; i < sizeof(plateaus) / sizeof(plateaus[0]); i++)
		if (plateaus[i] < len)
			return plateaus[i];
	return 0;
}

// The SPI of ESP, native or in UDP, that follows an IP header. False: it is none, or not quoted.
static bool quoted_esp(struct reader *r, uint8_t proto, struct dp_event *event)
{
	if (proto == IPPROTO_UDP) {
		reader_take(r, 2);
		event->port = reader_u16(r);
		reader_take(r, 4);
	} else if (proto != IPPROTO_ESP) {
		return false;
	}
	event->spi = reader_u32(r);
	return reader_ok(r) && event->spi;
}

static bool quoted_v4(struct reader *r, uint16_t mtu, struct dp_event *event)
{
	uint8_t first = reader_u8(r), proto;
	uint16_t len;

	reader_take(r, 1);
	len = reader_u16(r);
	reader_take(r, 5);
	proto = reader_u8(r);
	reader_take(r, 2);
	event->local.family = event->addr.family = 4;
	reader_copy(r, event->local.bytes, 4);
	reader_copy(r, event->addr.bytes, 4);
	if (!reader_ok(r) || first != 0x45) // our own headers have no options
		return false;
	event->mtu = mtu ? mtu : plateau_below(len);
	return event->mtu < len && quoted_esp(r, proto, event);
}

// Passes over what a quoted IPv6 packet has in front of ESP: the fragment header, where we cut the
// packet, and what transport mode leaves there. False: the quote is of a later fragment, which
// shows no SPI, or has more of them than anybody sends.
static bool pass_extensions(struct reader *r, uint8_t *proto)
{
	for (unsigned i = 0; i < IPV6_EXTENSIONS_MAX; i++) {
		uint8_t this = *proto, length;

		if (this != IPPROTO_FRAGMENT && this != IPPROTO_HOPOPTS &&
		    this != IPPROTO_ROUTING && this != IPPROTO_DSTOPTS)
			return true;
		*proto = reader_u8(r);
		length = reader_u8(r);
		if (this != IPPROTO_FRAGMENT) {
			reader_take(r, 6 + 8 * (size_t)length);
			continue;
		}
		if (reader_u16(r) & RTE_IPV6_EHDR_FO_MASK)
			return false;
		reader_take(r, 4);
	}
	return false;
}

static bool quoted_v6(struct reader *r, uint32_t mtu, struct dp_event *event)
{
	uint8_t first = reader_u8(r), proto;

	reader_take(r, 5);
	proto = reader_u8(r);
	reader_take(r, 1);
	event->local.family = event->addr.family = 6;
	reader_copy(r, event->local.bytes, 16);
	reader_copy(r, event->addr.bytes, 16);
	if (!reader_ok(r) || first >> 4 != 6)
		return false;
	event->mtu = mtu > UINT16_MAX ? UINT16_MAX : (uint16_t)mtu;
	return pass_extensions(r, &proto) && quoted_esp(r, proto, event);
}

static bool token_take(struct worker *w)
{
	struct worker_esp *esp = w->esp;

	if (w->now - esp->mtu_filled >= TICKS_PER_SECOND) { // however long ago
		esp->mtu_tokens = EVENTS_A_SECOND;
		esp->mtu_filled = w->now;
	}
	if (!esp->mtu_tokens)
		return false;
	esp->mtu_tokens--;
	return true;
}

bool path_mtu_learn(struct worker *w, struct rte_mbuf *m, uint32_t head)
{
	struct dp_event event = {.kind = DP_EVENT_PATH_MTU, .iface = packet_of(m)->in};
	uint32_t len = rte_pktmbuf_data_len(m);
	const uint8_t *icmp = rte_pktmbuf_mtod_offset(m, const uint8_t *, head);
	bool v6 = rte_pktmbuf_mtod(m, const uint8_t *)[0] >> 4 == 6, good;
	struct reader r;

	// What comes out of a tunnel has no say about the path outside.
	if (packet_of(m)->flags & PACKET_DECRYPTED || len < head + ICMP_HEADER)
		return false;
	if (v6 ? icmp[0] != ICMPV6_TOO_BIG
	       : icmp[0] != ICMP_UNREACHABLE || icmp[1] != ICMP_FRAG_NEEDED)
		return false;
	r = reader_make(icmp + ICMP_HEADER, len - head - ICMP_HEADER);
	if (v6) // its checksum was looked at with its addresses
		good = quoted_v6(&r, bytes_get_u32(icmp + 4), &event);
	else
		good = rte_raw_cksum(icmp, len - head) == 0xffff &&
		       quoted_v4(&r, bytes_get_u16(icmp + 6), &event);
	if (!good) {
		worker_drop(w, m, DROP_LOCAL_ICMP);
		return true;
	}
	if (token_take(w))
		(void)worker_event(w, &event); // or the next such packet tells
	worker_count(w, COUNT_LOCAL_TOO_BIG);
	rte_pktmbuf_free(m);
	return true;
}
