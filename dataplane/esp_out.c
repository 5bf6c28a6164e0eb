// ESP out: flow -> SA -> sequence number -> headers and trailer -> crypto burst -> outer packet
// (RFC 4303 3.3, RFC 4301 5.1). [W] The flow's owner only; packets of others are handed off,
// packets without an SA are held. The outer packet goes to forward, which routes it.
#include <rte_branch_prediction.h>

#include "bytes.h"
#include "esp.h"

#define OUTER_TTL 64 // RFC 4301 5.1.2.1: the inner one was lowered by forward, this one is our own

static void prefetch_flows(const struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		__builtin_prefetch(
			chunks_at(&w->dp->tunnels->tunnels, packet_of(pkts[i])->tunnel.index), 1);
}

// Packets that have a flow of this worker's with an SA; the others are taken.
static uint16_t find_sas(struct worker *w, struct rte_mbuf **pkts, uint16_t n, struct sa **sas)
{
	struct handle before = {0};
	struct tunnel *t = NULL;
	uint16_t k = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct handle h = packet_of(m)->tunnel;
		unsigned owner = tunnel_owner(w->dp->tunnels, h.index);

		if (owner != w->index && tunnel_is_current(w->dp->tunnels, h)) {
			handoff_send(w, owner, m, PACKET_TUNNEL);
			continue;
		}
		if (!handle_equal(h, before)) { // a run of packets of one flow looks it up once
			t = owner == w->index ? tunnel_get(w, h) : NULL;
			before = h;
			if (t) {
				activity_mark(&t->last_out, w->now);
				if (!handle_is_null(t->out_sa))
					tunnel_doubt(w, t, h);
			}
		}
		if (!t) {
			worker_drop(w, m, DROP_TUNNEL_STALE);
			continue;
		}
		if (handle_is_null(t->out_sa)) {
			tunnel_hold(w, t, m);
			continue;
		}
		sas[k] = sa_table_at(w->dp->sas, t->out_sa.index);
		__builtin_prefetch(sas[k]);
		__builtin_prefetch(&sas[k]->sequence, 1);
		pkts[k++] = m;
	}
	return k;
}

// Bytes of text (inner packet, padding, trailer) for an inner packet of `len` bytes.
static uint32_t text_length(const struct sa *sa, uint32_t len)
{
	return (len + ESP_TRAILER + sa->align - 1u) / sa->align * sa->align;
}

static uint32_t overhead(const struct sa *sa)
{
	return (uint32_t)sa->head_len + SA_ESP_HEADER + sa->iv_len + sa->icv_len;
}

// Fits the path, or may be cut into fragments after encryption? Else its sender is told the largest
// size that does (RFC 4301 8.2).
static bool fits(struct worker *w, struct rte_mbuf *m, const struct sa *sa, uint32_t text_len)
{
	const struct rte_ipv4_hdr *ip = packet_ip(m);
	const struct packet *p = packet_of(m);
	uint32_t mtu = sa->out.mtu, room;

	if (p->out < w->dp->n_ifaces) {
		uint32_t iface_mtu = iface_word(&w->dp->ifaces[p->out].mtu);

		mtu = mtu == 0 || iface_mtu < mtu ? iface_mtu : mtu;
	}
	if (mtu == 0 || overhead(sa) + text_len <= mtu ||
	    !(ip->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG)))
		return true;
	room = mtu > overhead(sa) ? mtu - overhead(sa) : 0;
	room = room / sa->align * sa->align;
	icmp_error(w, m, 3, 4, room > ESP_TRAILER ? room - ESP_TRAILER : 0);
	return false;
}

static void put_ipv4(struct worker *w, uint8_t *at, const struct sa *sa, uint16_t len, uint8_t tos,
                     bool df)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)at;

	// RFC 4301 5.1.2.1: DSCP copied; RFC 6040 4.1, normal mode: ECN copied.
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = 0x45,
		.type_of_service = tos,
		.total_length = rte_cpu_to_be_16(len),
		.packet_id = rte_cpu_to_be_16((uint16_t)w->ip_id++),
		.fragment_offset = df ? rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG) : 0,
		.time_to_live = OUTER_TTL,
		.next_proto_id = sa->encap == SA_ENCAP_UDP ? IPPROTO_UDP : IPPROTO_ESP,
		.src_addr = sa->out.src,
		.dst_addr = sa->out.dst,
	};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

static void put_udp(uint8_t *at, const struct sa *sa, uint16_t len)
{
	memcpy(at, &sa->out.src_port, 2);
	memcpy(at + 2, &sa->out.dst_port, 2);
	bytes_put_u16(at + 4, len);
	bytes_put_u16(at + 6, 0); // RFC 3948 2.1: no checksum
}

// SPI, the next sequence number, IV.
static void put_esp(struct worker *w, uint8_t *at, struct sa *sa)
{
	uint64_t counter;

	bytes_put_u32(at, sa->spi);
	bytes_put_u32(at + 4, (uint32_t)++sa->sequence);
	if (sa->aead) {
		// RFC 4106 3.1: unique under this key, as the sequence number is.
		counter = sa->iv_base + sa->sequence;
		memcpy(at + SA_ESP_HEADER, &counter, sizeof(counter));
	} else if (sa->iv_len) {
		crypto_iv(w->esp->crypto, at + SA_ESP_HEADER, sa->iv_len);
	}
}

// Padding 1, 2, 3..., its length, next header (RFC 4303 2.4-2.6).
static void put_trailer(uint8_t *at, uint32_t pad)
{
	for (uint32_t i = 0; i < pad; i++)
		at[i] = (uint8_t)(i + 1);
	at[pad] = (uint8_t)pad;
	at[pad + 1] = ESP_NEXT_IPV4;
}

// Wraps the packet up to the point where it can be encrypted. COUNTERS = done.
static enum counter encapsulate(struct worker *w, struct rte_mbuf *m, struct sa *sa,
                                struct crypto_item *item)
{
	const struct rte_ipv4_hdr *inner = packet_ip(m);
	uint32_t len = rte_pktmbuf_data_len(m), text_len = text_length(sa, len);
	uint32_t front = (uint32_t)sa->head_len + SA_ESP_HEADER + sa->iv_len;
	uint8_t tos = inner->type_of_service;
	bool df = inner->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
	uint8_t *at, *tail;

	if (unlikely(sa->sequence >= sa->packets_limit || sa->bytes >= sa->bytes_limit) &&
	    !esp_limit(w, sa))
		return DROP_ESP_LIFETIME;
	if (!fits(w, m, sa, text_len))
		return DROP_MTU;
	if (overhead(sa) + text_len > UINT16_MAX)
		return DROP_NO_BUFFER;
	tail = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(text_len - len + sa->icv_len));
	if (!tail)
		return DROP_NO_BUFFER;
	at = (uint8_t *)rte_pktmbuf_prepend(m, (uint16_t)front);
	if (!at)
		return DROP_NO_BUFFER;
	put_trailer(tail, text_len - len - ESP_TRAILER);
	put_ipv4(w, at, sa, (uint16_t)(overhead(sa) + text_len), tos, df);
	if (sa->encap == SA_ENCAP_UDP)
		put_udp(at + SA_IPV4_HEADER, sa,
		        (uint16_t)(overhead(sa) + text_len - SA_IPV4_HEADER));
	put_esp(w, at + sa->head_len, sa);
	sa_count(&sa->bytes, len);
	*item = (struct crypto_item){.sa = sa, .esp = at + sa->head_len, .text_len = text_len};
	return COUNTERS;
}

static uint16_t encapsulate_all(struct worker *w, struct rte_mbuf **pkts, uint16_t n,
                                struct sa **sas, struct crypto_item *items)
{
	const struct sa *before = NULL;
	uint16_t k = 0;

	for (uint16_t i = 0; i < n; i++) {
		enum counter reason;

		// Handed-off and held packets are whole as well; this is for what comes later.
		if (unlikely(pkts[i]->nb_segs > 1) && rte_pktmbuf_linearize(pkts[i]))
			reason = DROP_SEGMENTED;
		else
			reason = encapsulate(w, pkts[i], sas[i], &items[k]);
		if (reason != COUNTERS) {
			sa_count(&sas[i]->other_drops, 1);
			worker_drop(w, pkts[i], reason);
			continue;
		}
		if (sas[i] != before)
			crypto_prefetch_keys(sas[i]);
		before = sas[i];
		sas[k] = sas[i];
		pkts[k++] = pkts[i];
	}
	return k;
}

uint16_t esp_out(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct crypto_item items[WORKER_BURST];
	struct sa *sas[WORKER_BURST];
	uint16_t k = 0;

	prefetch_flows(w, pkts, n);
	n = find_sas(w, pkts, n, sas);
	n = encapsulate_all(w, pkts, n, sas, items);
	if (n == 0)
		return 0;
	crypto_encrypt(w->esp->crypto, items, n);
	for (uint16_t i = 0; i < n; i++) {
		struct packet *p = packet_of(pkts[i]);

		if (!items[i].ok) {
			sa_count(&sas[i]->other_drops, 1);
			worker_drop(w, pkts[i], DROP_ESP_CRYPTO);
			continue;
		}
		sa_count(&sas[i]->packets, 1);
		activity_mark(&sas[i]->last, w->now);
		p->kind = PACKET_PLAIN;
		p->flags = PACKET_MADE | PACKET_NO_POLICY;
		p->ihl = SA_IPV4_HEADER;
		p->hop = PACKET_NO_HOP;
		p->out = PACKET_NO_IFACE;
		p->tunnel = (struct handle){0};
		pkts[k++] = pkts[i];
	}
	worker_count_n(w, COUNT_ENCRYPTED, k);
	return k;
}
