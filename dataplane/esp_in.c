// ESP in: SPI -> SA -> replay check -> crypto burst -> replay commit -> activity -> trailer ->
// selector -> inner packet (RFC 4303 3.4, RFC 4301 5.2). [W] The SA's owner only; packets of others
// are handed off. Nothing may move the window or mark activity before the ICV holds.
#include <rte_branch_prediction.h>

#include "bytes.h"
#include "esp.h"
#include "foreign.h"

// What is known of each packet of the burst, beside its crypto_item.
struct inbound {
	struct sa *sa;
	uint32_t spi, seq;
	uint16_t head; // bytes in front of the ESP header
};

static void invalid_spi(struct worker *w, struct rte_mbuf *m, uint32_t spi)
{
	const struct rte_ipv4_hdr *ip = packet_ip(m);
	struct worker_esp *esp = w->esp;
	struct dp_event event = {
		.kind = DP_EVENT_INVALID_SPI, .spi = spi, .iface = packet_of(m)->in};

	if (tick_diff(w->now, esp->spi_filled) >= (int32_t)TICKS_PER_SECOND) {
		esp->spi_tokens = ESP_INVALID_SPI_RATE;
		esp->spi_filled = w->now;
	}
	if (esp->spi_tokens) {
		esp->spi_tokens--;
		event.addr.family = event.local.family = 4;
		memcpy(event.addr.bytes, &ip->src_addr, 4);
		memcpy(event.local.bytes, &ip->dst_addr, 4);
		(void)worker_event(w, &event); // tells a person; the next such packet tells again
	}
	worker_drop(w, m, DROP_ESP_NO_SA);
}

// A foreign SPI becomes ours, if it leads to an SA.
static void translate(const struct worker *w, struct rte_mbuf *m, struct inbound *in)
{
	uint32_t own = foreign_find(w->dp->foreign, in->spi, packet_ip(m));

	if (own)
		in->spi = own;
}

// Reads the ESP header. False: it is cut short.
static inline bool read_header(struct rte_mbuf *m, struct inbound *in)
{
	const struct packet *p = packet_of(m);
	const uint8_t *esp;

	in->head = p->ihl + (p->flags & PACKET_IN_UDP ? SA_UDP_HEADER : 0);
	if (unlikely(m->data_len < in->head + SA_ESP_HEADER))
		return false;
	esp = rte_pktmbuf_mtod_offset(m, const uint8_t *, in->head);
	in->spi = bytes_get_u32(esp);
	in->seq = bytes_get_u32(esp + 4);
	return true;
}

// Finds the slot that the SPI names. False: there is none.
static bool find_slot(const struct worker *w, struct rte_mbuf *m, struct inbound *in)
{
	const struct sa_table *sas = w->dp->sas;

	if (unlikely(!spi_is_own(in->spi)))
		translate(w, m, in);
	if (unlikely(!spi_is_own(in->spi) || spi_owner(&sas->layout, in->spi) >= w->dp->n_workers))
		return false;
	in->sa = sa_table_at(sas, spi_slot(&sas->layout, in->spi));
	return in->sa;
}

// Starts to load the SA and its keys. AES-GCM's are assumed: which lines others need is only known
// once the SA is there.
static void sa_fetch(const struct worker *w, const struct inbound *in, uint32_t len)
{
	__builtin_prefetch(in->sa);
	__builtin_prefetch(&in->sa->replay, 1);
	__builtin_prefetch(&w->dp->sas->activity[spi_slot(&w->dp->sas->layout, in->spi)]);
	crypto_prefetch_keys(sa_table_keys(w->dp->sas, spi_slot(&w->dp->sas->layout, in->spi)),
	                     SA_ENGINE_GCM, len);
}

// Hands off packets of other workers and starts to load what the whole burst needs.
static uint16_t steer(struct worker *w, struct rte_mbuf **pkts, uint16_t n, struct inbound *in)
{
	struct inbound before = {0}; // the last one that was this worker's
	uint16_t k = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		uint32_t owner;

		if (unlikely(!read_header(m, &in[k]))) {
			worker_drop(w, m, DROP_ESP_RUNT);
			continue;
		}
		if (in[k].spi == before.spi) {
			in[k].sa = before.sa;
			pkts[k++] = m;
			continue;
		}
		if (unlikely(!find_slot(w, m, &in[k]))) {
			invalid_spi(w, m, in[k].spi);
			continue;
		}
		owner = spi_owner(&w->dp->sas->layout, in[k].spi);
		if (unlikely(owner != w->index)) {
			handoff_send(w, owner, m, PACKET_ESP);
			continue;
		}
		sa_fetch(w, &in[k], m->data_len);
		before = in[k]; // its SPI is one of ours by now
		pkts[k++] = m;
	}
	return k;
}

// Is the slot still what the SPI says?
static bool identify(const struct inbound *in)
{
	return in->sa->live && in->sa->spi == in->spi;
}

// Why a packet may not be decrypted; COUNTERS = it may, and its text is so long.
static enum counter admissible(struct worker *w, struct rte_mbuf *m, const struct inbound *in,
                               uint32_t *text_len)
{
	const struct packet *p = packet_of(m);
	struct sa *sa = in->sa;
	uint32_t len = rte_pktmbuf_data_len(m) - in->head;
	uint32_t fixed = (uint32_t)SA_ESP_HEADER + sa->iv_len + sa->icv_len;

	if (unlikely(!!(p->flags & PACKET_IN_UDP) != (sa->encap == SA_ENCAP_UDP)))
		return DROP_ESP_ENCAP;
	// RFC 4303 2.4: at least a trailer, and a whole number of blocks.
	if (unlikely(len < fixed + sa->align || (len - fixed) & (sa->align - 1u)))
		return DROP_ESP_LENGTH;
	if (unlikely(sa->packets >= sa->packets_limit || sa->bytes >= sa->bytes_limit) &&
	    !esp_limit(w, sa))
		return DROP_ESP_LIFETIME;
	if (unlikely(!replay_check(&sa->replay, in->seq))) {
		sa_count(&sa->replayed, 1);
		return DROP_ESP_REPLAY;
	}
	*text_len = len - fixed;
	return COUNTERS;
}

// The packets that may be decrypted, and what the cryptography needs of them.
static uint16_t admit(struct worker *w, struct rte_mbuf **pkts, uint16_t n, struct inbound *in,
                      struct crypto_item *items, unsigned *engines)
{
	uint16_t k = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		uint32_t text_len = 0;
		enum counter reason;

		if (unlikely(!identify(&in[i]))) {
			invalid_spi(w, m, in[i].spi);
			continue;
		}
		reason = admissible(w, m, &in[i], &text_len);
		if (unlikely(reason != COUNTERS)) {
			if (reason != DROP_ESP_REPLAY)
				sa_count(&in[i].sa->other_drops, 1);
			worker_drop(w, m, reason);
			continue;
		}
		items[k] = (struct crypto_item){
			.sa = in[i].sa,
			.esp = rte_pktmbuf_mtod_offset(m, uint8_t *, in[i].head),
			.text_len = text_len,
		};
		*engines |= crypto_engine(in[i].sa);
		in[k] = in[i];
		pkts[k++] = m;
	}
	return k;
}

// An authentic packet of the newest sequence number says where the peer is now (RFC 3947, 4).
static void follow(struct worker *w, struct rte_mbuf *m, const struct inbound *in)
{
	const struct rte_ipv4_hdr *ip = packet_ip(m);
	struct sa *sa = in->sa;
	uint16_t port;
	struct dp_event event;

	if (in->seq != sa->replay.top)
		return;
	memcpy(&port, (const char *)ip + in->head - SA_UDP_HEADER, sizeof(port));
	if (likely(ip->src_addr == sa->from && port == sa->from_port))
		return;
	event = (struct dp_event){.kind = DP_EVENT_SA_MOVED,
	                          .sa = esp_handle(sa),
	                          .tunnel = sa->tunnel,
	                          .port = rte_be_to_cpu_16(port),
	                          .addr = {.family = 4},
	                          .local = {.family = 4}};
	memcpy(event.addr.bytes, &ip->src_addr, 4);
	memcpy(event.local.bytes, &ip->dst_addr, 4);
	if (!worker_event(w, &event))
		return; // the next packet tells again
	sa->from = ip->src_addr;
	sa->from_port = port;
}

// Is it 1, 2, 3...? `pad` bytes that end at `end`; behind them 14 more bytes can be read: the rest
// of the trailer and the ICV.
static bool padding_holds(const uint8_t *end, uint32_t pad)
{
	static const uint64_t one_to_eight = 0x0807060504030201;
	const uint8_t *at = end - pad;
	uint64_t first;

	if (pad == 0)
		return true;
	memcpy(&first, at, sizeof(first));
	if (pad <= 8)
		return (first ^ one_to_eight) << (64 - 8 * pad) == 0;
	if (first != one_to_eight)
		return false;
	for (uint32_t i = 8; i < pad; i++)
		if (at[i] != i + 1)
			return false;
	return true;
}

// Checks padding and next header (RFC 4303 2.4-2.6) and cuts the packet down to the inner one.
static enum counter strip(struct rte_mbuf *m, const struct inbound *in,
                          const struct crypto_item *item)
{
	uint32_t front = (uint32_t)in->head + SA_ESP_HEADER + in->sa->iv_len;
	const uint8_t *end =
		item->esp + SA_ESP_HEADER + in->sa->iv_len + item->text_len - ESP_TRAILER;
	uint32_t pad = end[0];

	if (unlikely(pad + ESP_TRAILER > item->text_len || !padding_holds(end, pad)))
		return DROP_ESP_PADDING;
	if (unlikely(end[1] != ESP_NEXT_IPV4))
		return end[1] == ESP_NEXT_DUMMY ? DROP_ESP_DUMMY : DROP_ESP_INNER;
	m->data_off = (uint16_t)(m->data_off + front);
	m->data_len = (uint16_t)(item->text_len - ESP_TRAILER - pad);
	m->pkt_len = m->data_len;
	return packet_check_ipv4(m) ? COUNTERS : DROP_ESP_INNER;
}

// RFC 6040 4.2, default tunnel egress behaviour. False: the packet must be dropped.
static bool ecn(struct rte_ipv4_hdr *inner, uint8_t outer)
{
	uint8_t from = inner->type_of_service & ESP_ECN_MASK, to = from;
	uint32_t sum;

	outer &= ESP_ECN_MASK;
	if (likely(outer == from))
		return true;
	if (outer == ESP_ECN_CE && from == 0)
		return false;
	if (outer == ESP_ECN_CE || (outer == ESP_ECN_ECT1 && from == ESP_ECN_ECT0))
		to = outer;
	if (to == from)
		return true;
	// RFC 1624: the checksum follows the change; the byte is the low one of the first word.
	sum = (uint16_t)~rte_be_to_cpu_16(inner->hdr_checksum) + (uint16_t)~from + (uint32_t)to;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	inner->hdr_checksum = rte_cpu_to_be_16((uint16_t)~sum);
	inner->type_of_service = (uint8_t)((inner->type_of_service & ~ESP_ECN_MASK) | to);
	return true;
}

// The part of the selector that few SAs have. Where the SA names ports, a fragment that has none
// does not belong to it (RFC 4301 7).
static bool selected_narrowly(const struct sa_narrow *s, struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip = packet_ip(m);
	struct reader r = reader_make(ip, rte_pktmbuf_data_len(m));
	uint16_t remote_port, local_port;

	if (s->proto && s->proto != ip->next_proto_id)
		return false;
	if (!s->local_port && !s->remote_port)
		return true;
	if (ip->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_OFFSET_MASK))
		return false;
	reader_take(&r, packet_of(m)->ihl);
	remote_port = reader_u16(&r);
	local_port = reader_u16(&r);
	return reader_ok(&r) && (!s->local_port || s->local_port == local_port) &&
	       (!s->remote_port || s->remote_port == remote_port);
}

// Is the inner packet what the SA was negotiated for (RFC 4301 5.2, step 4)?
static bool selected(const struct sa *sa, struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip = packet_ip(m);
	const struct sa_selector *s = &sa->in;

	if (((ip->src_addr ^ s->remote) & s->remote_mask) |
	    ((ip->dst_addr ^ s->local) & s->local_mask))
		return false;
	return likely(!sa->is_narrow) || selected_narrowly(&sa->narrow, m);
}

// One packet whose crypto is done; the order of the steps is the point. COUNTERS = good.
static enum counter accept_one(struct worker *w, struct rte_mbuf *m, const struct inbound *in,
                               const struct crypto_item *item)
{
	uint8_t outer_tos = packet_ip(m)->type_of_service;
	struct sa *sa = in->sa;
	enum counter reason;

	if (unlikely(!item->ok)) {
		sa_count(&sa->auth_failed, 1);
		return DROP_ESP_AUTH;
	}
	if (unlikely(!replay_commit(&sa->replay, in->seq))) {
		sa_count(&sa->replayed, 1);
		return DROP_ESP_REPLAY_LATE;
	}
	// Without replay protection a packet proves nothing, and only the statistics hear of it.
	activity_mark(sa->replay.size ? &sa->activity->last_in : &sa->last, w->now);
	if (sa->encap == SA_ENCAP_UDP)
		follow(w, m, in);
	reason = strip(m, in, item);
	if (unlikely(reason != COUNTERS)) {
		sa_count(&sa->other_drops, 1);
		return reason;
	}
	if (unlikely(!selected(sa, m))) {
		sa_count(&sa->bad_selector, 1);
		return DROP_ESP_SELECTOR;
	}
	if (unlikely(!ecn(packet_ip(m), outer_tos))) {
		sa_count(&sa->other_drops, 1);
		return DROP_ESP_ECN;
	}
	sa_count(&sa->packets, 1);
	sa_count(&sa->bytes, rte_pktmbuf_data_len(m));
	return COUNTERS;
}

static uint16_t accept_all(struct worker *w, struct rte_mbuf **pkts, uint16_t n,
                           const struct inbound *in, const struct crypto_item *items)
{
	uint16_t k = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		enum counter reason = accept_one(w, m, &in[i], &items[i]);
		struct packet *p = packet_of(m);

		if (unlikely(reason != COUNTERS)) {
			worker_drop(w, m, reason);
			continue;
		}
		p->kind = PACKET_ROUTE;
		p->flags = PACKET_DECRYPTED;
		p->hop = PACKET_NO_HOP;
		p->sa = esp_handle(in[i].sa);
		pkts[k++] = m;
	}
	worker_count_n(w, COUNT_DECRYPTED, k);
	return k;
}

uint16_t esp_in(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct inbound in[WORKER_BURST];
	struct crypto_item items[WORKER_BURST];
	unsigned engines = 0;

	n = steer(w, pkts, n, in);
	n = admit(w, pkts, n, in, items, &engines);
	if (n == 0)
		return 0;
	stats_stage(&w->stats, DP_STAGE_ESP_IN, n);
	crypto_decrypt(w->esp->crypto, items, n, engines);
	stats_stage(&w->stats, DP_STAGE_DECRYPT, n);
	return accept_all(w, pkts, n, in, items);
}
