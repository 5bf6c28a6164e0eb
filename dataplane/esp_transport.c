// Transport mode, out and in. [W] Few packets come here, the gateway's own: checksums are computed
// anew, and nothing is kept for a burst but what the SA needs.
#include "esp_transport.h"

#include <rte_udp.h>

#include "wrap.h"

// Bytes that stand between IP header and text.
static uint32_t inserted(const struct sa *sa)
{
	return sa_front(sa) - SA_IPV4_HEADER;
}

// Bytes of the packet in one piece on the way out; UINT32_MAX = no interface yet.
static uint32_t path_mtu(const struct worker *w, const struct sa *sa, uint16_t out)
{
	uint32_t mtu = out < w->dp->n_ifaces ? iface_word(&w->dp->ifaces[out].mtu) : 0;

	return mtu && mtu < sa->out.mtu    ? mtu
	       : sa->out.mtu == UINT16_MAX ? UINT32_MAX
	                                   : sa->out.mtu;
}

// Why a packet cannot go through this SA; DROP_NONE = it can.
static enum counter fits(const struct worker *w, const struct sa *sa, struct rte_mbuf *m,
                         uint32_t text_len)
{
	const struct rte_ipv4_hdr *ip = packet_ip(m);
	const struct packet *p = packet_of(m);
	uint32_t total = inserted(sa) + p->ihl + text_len + sa->icv_len;

	if (!(p->flags & PACKET_MADE) || ip->src_addr != sa->out.ttl_proto_src >> 32 ||
	    (ip->dst_addr != sa->out.dst && sa->encap != SA_ENCAP_UDP))
		return DROP_ESP_FORWARDED;
	if (packet_is_fragment(ip))
		return DROP_ESP_FRAGMENT;
	if (m->nb_segs != 1)
		return DROP_SEGMENTED;
	if (m->data_off < inserted(sa) || total > UINT16_MAX ||
	    m->data_off - inserted(sa) + total > m->buf_len)
		return DROP_NO_BUFFER;
	if (ip->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG) &&
	    total > path_mtu(w, sa, p->out))
		return DROP_MTU;
	return DROP_NONE;
}

// Moves the IP header to the front and adapts it. The destination is where the peer is now, which
// a NAT may have changed since the packet's rule was made. Returns where the header ends.
static uint8_t *move_header(struct rte_mbuf *m, const struct sa *sa, uint16_t total)
{
	uint8_t *start = rte_pktmbuf_mtod(m, uint8_t *) - inserted(sa);
	struct rte_ipv4_hdr *ip = memmove(start, packet_ip(m), packet_of(m)->ihl);

	ip->total_length = rte_cpu_to_be_16(total);
	ip->next_proto_id = sa->encap == SA_ENCAP_UDP ? IPPROTO_UDP : IPPROTO_ESP;
	ip->dst_addr = sa->out.dst;
	packet_checksum_ipv4(ip);
	m->data_off = (uint16_t)(m->data_off - inserted(sa));
	m->data_len = total;
	m->pkt_len = total;
	return start + packet_of(m)->ihl;
}

static void wrap_one(struct rte_mbuf *m, struct sa *sa, const struct wrap_onward *onward,
                     uint64_t seq, const uint8_t **ivs, struct crypto_item *item)
{
	struct packet *p = packet_of(m);
	uint32_t len = (uint32_t)m->data_len - p->ihl, text_len = item->text_len;
	uint32_t total = p->ihl + inserted(sa) + text_len + sa->icv_len;
	uint8_t *text = rte_pktmbuf_mtod_offset(m, uint8_t *, p->ihl), *at;

	wrap_put_trailer(text + len, text_len - len - ESP_TRAILER, packet_ip(m)->next_proto_id);
	at = move_header(m, sa, (uint16_t)total);
	if (sa->encap == SA_ENCAP_UDP) {
		wrap_put_udp(at, sa, (uint16_t)(total - p->ihl));
		at += SA_UDP_HEADER;
	}
	wrap_put_esp(sa, at, seq, ivs);
	p->kind = PACKET_ROUTE;
	p->flags = PACKET_MADE | PACKET_NO_POLICY;
	p->handoffs = 0;
	p->out = onward->out;
	p->hop = onward->hop;
	p->next_hop = onward->next_hop;
	item->sa = sa;
	item->esp = at;
	item->seq_hi = (uint32_t)(seq >> 32);
}

uint16_t esp_transport_wrap(struct worker *w, struct sa *sa, struct rte_mbuf **pkts, uint16_t n,
                            struct rte_mbuf **good, struct crypto_item *items)
{
	const struct wrap_onward onward = wrap_onward_find(w, sa);
	uint64_t seq = sa->sequence, bytes = 0;
	const uint8_t *ivs = NULL;
	uint16_t k = 0;

	if (sa->engine >= SA_ENGINE_MB)
		ivs = crypto_ivs(w->esp->crypto, n * (unsigned)sa->iv_len);
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		uint32_t len = m->data_len;
		enum counter reason;

		items[k].text_len = wrap_text_len(sa->align, len - packet_of(m)->ihl);
		reason = fits(w, sa, m, items[k].text_len);
		if (reason != DROP_NONE) {
			wrap_refuse(w, m, sa, reason);
			continue;
		}
		wrap_one(m, sa, &onward, ++seq, &ivs, &items[k]);
		bytes += len;
		good[k++] = m;
	}
	activity_mark(&sa->last_out, w->now);
	wrap_account(sa, seq, k, bytes);
	return k;
}

// RFC 3948 3.1.2: a NAT has changed the addresses under the checksum of TCP and UDP. UDP's may be
// left out; TCP does not end here, and ICMP's covers no addresses.
static void forget_udp_checksum(struct rte_mbuf *m)
{
	uint32_t at = packet_of(m)->ihl;
	struct rte_udp_hdr *udp = rte_pktmbuf_mtod_offset(m, struct rte_udp_hdr *, at);

	if (packet_ip(m)->next_proto_id == IPPROTO_UDP && m->data_len >= at + sizeof(*udp))
		udp->dgram_cksum = 0;
}

void esp_transport_restore(struct rte_mbuf *m, const struct crypto_item *item, uint8_t next,
                           uint32_t pad)
{
	const struct sa *sa = item->sa;
	uint32_t ihl = packet_of(m)->ihl, len = ihl + item->text_len - ESP_TRAILER - pad;
	uint8_t *start = item->esp + SA_ESP_HEADER + sa->iv_len - ihl;
	struct rte_ipv4_hdr *ip = memmove(start, packet_ip(m), ihl);

	ip->next_proto_id = next;
	ip->total_length = rte_cpu_to_be_16((uint16_t)len);
	// What is behind a NAT goes by the address that was agreed, wherever the NAT puts it.
	if (sa->encap == SA_ENCAP_UDP)
		ip->src_addr = sa->in.remote;
	packet_checksum_ipv4(ip);
	m->data_off = (uint16_t)(start - (uint8_t *)m->buf_addr);
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	if (sa->encap == SA_ENCAP_UDP)
		forget_udp_checksum(m);
}
