// What is taken off a packet that came through an SA, and what is asked of it before it goes on:
// the parts that all ways of doing it share. [W] Inline: nearly every packet passes here.
#ifndef VIGIL_DATAPLANE_UNWRAP_H
#define VIGIL_DATAPLANE_UNWRAP_H

#include <rte_branch_prediction.h>

#include "bytes.h"
#include "classify.h"
#include "esp.h"
#include "ipv4.h"

static inline uint32_t unwrap_sequence(const uint8_t *esp)
{
	return bytes_get_u32(esp + 4);
}

// The whole number of an admitted packet, of which it carries the lower half.
static inline uint64_t unwrap_sequence_whole(const struct crypto_item *item)
{
	return (uint64_t)item->seq_hi << 32 | unwrap_sequence(item->esp);
}

// Is it 1, 2, 3...? `pad` bytes that end at `end`; behind them 14 more bytes can be read: the rest
// of the trailer and the ICV.
static __rte_always_inline bool unwrap_padding_holds(const uint8_t *end, uint32_t pad)
{
	static const uint64_t one_to_eight = 0x0807060504030201;
	static const uint64_t each = 0x0101010101010101;
	const uint8_t *at = end - pad;
	uint64_t first, last;

	if (pad == 0)
		return true;
	memcpy(&first, at, sizeof(first));
	if (pad <= 8)
		return (first ^ one_to_eight) << (64 - 8 * pad) == 0;
	memcpy(&last, end - sizeof(last), sizeof(last));
	if (first != one_to_eight || last != one_to_eight + (pad - 8) * each)
		return false;
	for (uint32_t i = 8; i + 8 < pad; i++)
		if (at[i] != i + 1)
			return false;
	return true;
}

// Where the padding ends and the trailer begins; NULL: the padding does not hold (RFC 4303 2.4).
static __rte_always_inline const uint8_t *unwrap_trailer(const struct crypto_item *item,
                                                         const uint8_t *text)
{
	const uint8_t *end = text + item->text_len - ESP_TRAILER;
	uint32_t pad = end[0];

	return likely(pad + ESP_TRAILER <= item->text_len && unwrap_padding_holds(end, pad)) ? end
	                                                                                     : NULL;
}

// Checks padding and next header (RFC 4303 2.4-2.6) and cuts the packet down to the inner one,
// which must be of protocol `next`.
static __rte_always_inline enum counter unwrap_strip(struct rte_mbuf *m,
                                                     const struct crypto_item *item, uint8_t next)
{
	uint8_t *text = item->esp + SA_ESP_HEADER + item->sa->iv_len;
	const uint8_t *end = unwrap_trailer(item, text);

	if (unlikely(!end))
		return DROP_ESP_PADDING;
	if (unlikely(end[1] != next))
		return end[1] == ESP_NEXT_DUMMY ? DROP_ESP_DUMMY : DROP_ESP_INNER;
	m->data_off = (uint16_t)(text - (uint8_t *)m->buf_addr);
	m->data_len = (uint16_t)(item->text_len - ESP_TRAILER - end[0]);
	m->pkt_len = m->data_len;
	return DROP_NONE;
}

static __rte_always_inline enum counter unwrap_strip_ipv4(struct rte_mbuf *m,
                                                          const struct crypto_item *item)
{
	enum counter reason = unwrap_strip(m, item, ESP_NEXT_IPV4);

	if (unlikely(reason != DROP_NONE))
		return reason;
	return packet_check_ipv4(m) ? DROP_NONE : DROP_ESP_INNER;
}

// The outer header's mark is another one than the inner's. False: the packet must be dropped.
bool unwrap_ecn_differs(struct rte_ipv4_hdr *inner, uint8_t outer);
// The part of the selector that few SAs have.
bool unwrap_selected_narrowly(const struct sa_narrow *s, struct rte_mbuf *m);

static __rte_always_inline bool unwrap_ecn_same(const struct rte_ipv4_hdr *inner, uint8_t outer)
{
	return ((inner->type_of_service ^ outer) & ESP_ECN_MASK) == 0;
}

// RFC 6040 4.2, default tunnel egress behaviour. False: the packet must be dropped.
static __rte_always_inline bool unwrap_ecn(struct rte_ipv4_hdr *inner, uint8_t outer)
{
	return likely(unwrap_ecn_same(inner, outer)) || unwrap_ecn_differs(inner, outer);
}

static __rte_always_inline bool unwrap_addresses(const struct sa *sa, const struct rte_ipv4_hdr *ip)
{
	const struct sa_selector *s = &sa->in;

	return (((ip->src_addr ^ s->remote) & s->remote_mask) |
	        ((ip->dst_addr ^ s->local) & s->local_mask)) == 0;
}

// Is the inner packet what the SA was negotiated for (RFC 4301 5.2, step 4)?
static __rte_always_inline bool unwrap_selected(const struct sa *sa, struct rte_mbuf *m)
{
	return unwrap_addresses(sa, packet_ip(m)) &&
	       (likely(!sa->is_narrow) || unwrap_selected_narrowly(&sa->more->narrow, m));
}

// Has the inner packet a source that a host may have? Most selectors leave room for no others.
static __rte_always_inline bool unwrap_source(const struct sa *sa, const struct rte_ipv4_hdr *ip)
{
	return likely(!sa->is_wide) || !ipv4_source_is_bad(rte_be_to_cpu_32(ip->src_addr));
}

// An inner IPv4 packet: is it of the SA, is it one that would be forwarded if it came in clear, and
// what of congestion is to be said in it?
static __rte_always_inline enum counter unwrap_accept_ipv4(struct rte_mbuf *m, const struct sa *sa,
                                                           uint8_t outer_tos)
{
	if (unlikely(!unwrap_selected(sa, m)))
		return DROP_ESP_SELECTOR;
	if (unlikely(!unwrap_source(sa, packet_ip(m))))
		return DROP_IP_SOURCE;
	if (unlikely(packet_ip(m)->version_ihl != RTE_IPV4_VHL_DEF) && classify_source_route(m))
		return DROP_IP_OPTIONS;
	return likely(unwrap_ecn(packet_ip(m), outer_tos)) ? DROP_NONE : DROP_ESP_ECN;
}

static __rte_always_inline enum counter unwrap_plain(struct rte_mbuf *m,
                                                     const struct crypto_item *item)
{
	uint8_t outer_tos = packet_ip(m)->type_of_service;
	enum counter reason = unwrap_strip_ipv4(m, item);

	return likely(reason == DROP_NONE) ? unwrap_accept_ipv4(m, item->sa, outer_tos) : reason;
}

// One packet whose crypto is done: is it authentic, and new? DROP_NONE = it is; the window has
// moved.
static __rte_always_inline enum counter unwrap_commit(struct sa *sa, const struct crypto_item *item)
{
	if (unlikely(!item->ok)) {
		sa_count(&sa->auth_failed, 1);
		return DROP_ESP_AUTH;
	}
	if (unlikely(!replay_commit_next(&sa->replay, unwrap_sequence(item->esp))) &&
	    !replay_commit(&sa->replay, unwrap_sequence_whole(item))) {
		sa_count(&sa->replayed, 1);
		return DROP_ESP_REPLAY_LATE;
	}
	return DROP_NONE;
}

// An authentic packet that is dropped all the same.
static inline void unwrap_count(struct sa *sa, enum counter reason)
{
	if (reason == DROP_ESP_SELECTOR)
		sa_count(&sa->bad_selector, 1);
	else if (reason != DROP_ESP_DUMMY) // which is no error
		sa_count(&sa->other_drops, 1);
}

// An authentic packet that is new came in through the SA. Where others read that lies apart, in a
// line that is not even read here but for the first packet of a tick.
static inline void unwrap_mark(struct sa *sa, uint32_t value)
{
	if (activity_load(&sa->last) == value)
		return;
	activity_store(&sa->last, value);
	if (sa->replay.size)
		activity_store(&sa->activity->last_in, value);
}

// n packets, of so many bytes in all, came in through the SA and were good; `now`:
// activity_from_tick(). Without replay protection a packet proves nothing, and only the statistics
// hear of it.
static inline void unwrap_account(struct sa *sa, uint16_t n, uint64_t bytes, bool alive,
                                  uint32_t now)
{
	if (likely(alive))
		unwrap_mark(sa, now);
	sa_count(&sa->packets, n);
	sa_count(&sa->bytes, bytes);
}

#endif
