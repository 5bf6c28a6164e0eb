// What is put around a packet that leaves through an SA: the parts that all ways of doing it share.
// [W] Inline: nearly every packet passes here.
#ifndef VIGIL_DATAPLANE_WRAP_H
#define VIGIL_DATAPLANE_WRAP_H

#include <rte_branch_prediction.h>

#include "bytes.h"
#include "esp.h"
#include "route.h"
#include "sa_limits.h"

// Bytes of text (inner packet, padding, trailer) for an inner packet of `len` bytes.
static inline uint32_t wrap_text_len(uint32_t align, uint32_t len)
{
	return (len + ESP_TRAILER + align - 1) & ~(align - 1);
}

// Is there room around the packet, and is it in one piece?
static inline bool wrap_has_room(const struct rte_mbuf *m, const struct sa *sa, uint32_t text_len)
{
	return m->nb_segs == 1 && m->data_off >= sa_front(sa) &&
	       (uint32_t)m->data_off + text_len + sa->icv_len <= m->buf_len;
}

static inline bool wrap_is_used_up(struct sa *sa, uint32_t packets, uint64_t bytes)
{
	return sa_limit_near(sa, sa->sequence, packets, bytes);
}

// How many of n packets go in one: near a limit of the SA each for itself. 0: the SA has stopped.
static inline uint16_t wrap_within_limits(struct worker *w, struct sa *sa, uint16_t n)
{
	if (likely(!wrap_is_used_up(sa, n, (uint64_t)n * UINT16_MAX)))
		return n;
	return !wrap_is_used_up(sa, 0, 0) || esp_limit(w, sa);
}

// What the interface that packets leave through says of their size; most bursts have one.
struct wrap_path {
	uint32_t mtu;   // the longest packet that goes in one piece; UINT32_MAX = no interface yet
	uint32_t mtu6;  // the same of IPv6
	uint32_t flags; // enum iface_flags
	uint32_t df_copy, df_set; // outer DF bit = inner & df_copy | df_set (RFC 4301 8.1)
	uint16_t out;
};

void wrap_path_find(const struct worker *w, struct wrap_path *path, uint16_t out);
// Counts a packet that cannot go through the SA, for both, and frees it.
void wrap_refuse(struct worker *w, struct rte_mbuf *m, struct sa *sa, enum counter reason);
// An IPv4 packet whose outer one would be `total` bytes, longer than its path takes in one piece.
// True: it goes all the same, and the outer packet is cut. False: it is taken: to be cut before
// encryption (split.h), or its sender hears what fits (RFC 4301 8.2). `longest` is the longest
// outer packet that goes in one piece.
bool wrap_stretch(struct worker *w, struct rte_mbuf *m, struct sa *sa, const struct wrap_path *path,
                  uint32_t longest, uint32_t total);

// The longest inner packet that fits outer ones of `mtu` bytes.
uint32_t wrap_room(const struct sa *sa, uint32_t mtu);

// Where outer packets go, as forward would say of each: nearly always out of an interface that is
// up, so that it need not look at them.
struct wrap_onward {
	uint32_t next_hop;
	uint16_t out; // PACKET_NO_IFACE = forward must say
	uint16_t hop;
	uint32_t mtu; // of that interface, which need not be the one with the crypto map
};

static inline struct wrap_onward wrap_onward_find(struct worker *w, struct sa *sa)
{
	const struct routes *routes = w->dp->routes;
	uint16_t index = route_remembered(routes, sa->out.dst, &sa->routes, &sa->hop);
	const struct route_hop *hop = route_hop(routes, index);

	if (unlikely(hop->kind != ROUTE_GATEWAY && hop->kind != ROUTE_CONNECTED) ||
	    unlikely(!iface_is_up(&w->dp->ifaces[hop->iface]))) {
		w->esp->astray = true;
		return (struct wrap_onward){
			.out = PACKET_NO_IFACE, .hop = index, .mtu = UINT32_MAX};
	}
	return (struct wrap_onward){
		.next_hop = hop->kind == ROUTE_GATEWAY ? hop->gateway : sa->out.dst,
		.out = hop->iface,
		.hop = index,
		.mtu = iface_word(&w->dp->ifaces[hop->iface].mtu),
	};
}

// The outer IPv4 header, in three words. RFC 4301 5.1.2.1: DSCP is copied; RFC 6040 4.1, normal
// mode: so is ECN. The checksum is the template's and what differs (RFC 1071).
static inline void wrap_put_ipv4(const struct sa_template *out, uint8_t *at, uint32_t len,
                                 uint32_t tos, uint32_t df, uint16_t id)
{
	uint32_t tos_len = tos << 8 | (uint32_t)rte_cpu_to_be_16((uint16_t)len) << 16;
	uint32_t id_df = rte_cpu_to_be_16(id) | df << 16;
	uint32_t sum = out->sum + (tos_len & 0xffff) + (tos_len >> 16) + (id_df & 0xffff) + df;
	uint64_t first = (uint64_t)id_df << 32 | tos_len | 0x45, second = out->ttl_proto_src;
	uint32_t dst = out->dst;

	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	second |= (~sum & 0xffffu) << 16;
	memcpy(at, &first, sizeof(first));
	memcpy(at + 8, &second, sizeof(second));
	memcpy(at + 16, &dst, sizeof(dst));
}

static inline void wrap_put_udp(uint8_t *at, const struct sa *sa, uint16_t len)
{
	memcpy(at, &sa->out.src_port, 2);
	memcpy(at + 2, &sa->out.dst_port, 2);
	bytes_put_u16(at + 4, len);
	bytes_put_u16(at + 6, 0); // RFC 3948 2.1: no checksum
}

static inline void wrap_put_esp_header(const struct sa *sa, uint8_t *at, uint64_t seq)
{
	uint64_t head = sa->out.spi | (uint64_t)rte_cpu_to_be_32((uint32_t)seq) << 32;

	memcpy(at, &head, sizeof(head));
}

// RFC 4106 3.1: unique under this key, as the sequence number is.
static inline void wrap_put_iv_counter(const struct sa *sa, uint8_t *at, uint64_t seq)
{
	uint64_t counter = sa->iv_base + seq;

	memcpy(at, &counter, sizeof(counter));
}

// SPI, sequence number, IV; of the random IVs one is used.
static inline void wrap_put_esp(const struct sa *sa, uint8_t *at, uint64_t seq, const uint8_t **ivs)
{
	wrap_put_esp_header(sa, at, seq);
	at += SA_ESP_HEADER;
	if (likely(sa->engine < SA_ENGINE_MB)) {
		wrap_put_iv_counter(sa, at, seq);
		return;
	}
	if (sa->iv_len == 16)
		memcpy(at, *ivs, 16);
	else if (sa->iv_len)
		memcpy(at, *ivs, 8);
	*ivs += sa->iv_len;
}

// Padding 1, 2, 3..., its length, next header (RFC 4303 2.4-2.6); pad is at most 15. Writes up to 8
// bytes beyond them, where the ICV (12 bytes and more) will be.
static inline void wrap_put_trailer(uint8_t *at, uint32_t pad, uint8_t next)
{
	static const uint64_t one_to_eight = 0x0807060504030201, nine_to_16 = 0x100f0e0d0c0b0a09;
	uint16_t end = (uint16_t)(pad | (uint32_t)next << 8);

	memcpy(at, &one_to_eight, 8);
	if (unlikely(pad > 8))
		memcpy(at + 8, &nine_to_16, 8);
	memcpy(at + pad, &end, sizeof(end));
}

// The upper halves of extended sequence numbers: those of n packets in a row, the last one `seq`.
static inline void wrap_put_seq_hi(struct crypto_item *items, uint16_t n, uint64_t seq)
{
	while (n--)
		items[n].seq_hi = (uint32_t)(seq-- >> 32);
}

// n packets, of so many bytes in all, went out through the SA; `seq` was the last one's number.
static inline void wrap_account(struct sa *sa, uint64_t seq, uint16_t n, uint64_t bytes)
{
	// Control reads these; nobody else writes them.
	__atomic_store_n(&sa->sequence, seq, __ATOMIC_RELAXED);
	sa_count(&sa->packets, n);
	sa_count(&sa->bytes, bytes);
}

#endif
