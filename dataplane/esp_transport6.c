// See esp_transport6.h. [W] Few packets come here, the gateway's own.
#include "esp_transport6.h"

#include "esp6.h"
#include "ipv6.h"

#define NEXT_HEADER   6u // where the IPv6 header names what follows
#define EXTENSION_MIN 8u

// Where a header begins in a packet, and where the one before it names it.
struct place {
	uint32_t at, named;
};

// Bytes that stand between the headers and the text.
static uint32_t inserted(const struct sa *sa)
{
	return sa_front(sa) - SA_IPV6_HEADER;
}

// Goes on behind an extension header. False: it is cut short.
static bool pass(const uint8_t *packet, uint32_t len, struct place *p)
{
	uint32_t size;

	if (len < p->at + EXTENSION_MIN)
		return false;
	size = EXTENSION_MIN + packet[p->at + 1] * EXTENSION_MIN;
	if (len < p->at + size)
		return false;
	*p = (struct place){.at = p->at + size, .named = p->at};
	return true;
}

// Where ESP goes into a packet.
static bool place_for_esp(const uint8_t *packet, uint32_t len, struct place *p)
{
	*p = (struct place){.at = SA_IPV6_HEADER, .named = NEXT_HEADER};
	while (packet[p->named] == IPPROTO_HOPOPTS || packet[p->named] == IPPROTO_ROUTING)
		if (!pass(packet, len, p))
			return false;
	return true;
}

// Where the header at `at` is named, in a packet that came: its sender may have put destination
// options in front as well. 0: nothing leads there.
static uint32_t named_at(const uint8_t *packet, uint32_t at)
{
	struct place p = {.at = SA_IPV6_HEADER, .named = NEXT_HEADER};

	while (p.at < at) {
		uint8_t proto = packet[p.named];

		if ((proto != IPPROTO_HOPOPTS && proto != IPPROTO_ROUTING &&
		     proto != IPPROTO_DSTOPTS) ||
		    !pass(packet, at, &p))
			return 0;
	}
	return p.at == at ? p.named : 0;
}

// Why a packet cannot go through this SA; DROP_NONE = it can, and *p and *text_len say how.
static enum counter fits(const struct sa *sa, struct rte_mbuf *m, struct place *p,
                         uint32_t *text_len)
{
	const struct rte_ipv6_hdr *ip = packet_ip6(m);
	const struct sa_more *six = sa->more;
	uint32_t total;

	if (!packet_is_ipv6(m) || !(packet_of(m)->flags & PACKET_MADE) ||
	    memcmp(ip->src_addr, six->src, sizeof(six->src)) != 0 ||
	    (memcmp(ip->dst_addr, six->dst, sizeof(six->dst)) != 0 && sa->encap != SA_ENCAP_UDP))
		return DROP_ESP_FORWARDED;
	if (m->nb_segs != 1)
		return DROP_SEGMENTED;
	// Behind UDP the checksum is computed where the UDP header is next to the IPv6 header.
	if (!place_for_esp((const uint8_t *)ip, m->data_len, p) ||
	    (sa->encap == SA_ENCAP_UDP && p->at != SA_IPV6_HEADER))
		return DROP_ESP_INNER;
	if (((const uint8_t *)ip)[p->named] == IPPROTO_FRAGMENT)
		return DROP_ESP_FRAGMENT;
	*text_len = wrap_text_len(sa->align, m->data_len - p->at);
	total = p->at + inserted(sa) + *text_len + sa->icv_len;
	if (m->data_off < inserted(sa) || total - SA_IPV6_HEADER > UINT16_MAX ||
	    m->data_off - inserted(sa) + total > m->buf_len)
		return DROP_NO_BUFFER;
	return DROP_NONE;
}

// Moves the headers to the front and adapts them; returns where they end.
static uint8_t *move_headers(struct rte_mbuf *m, const struct sa *sa, const struct place *p,
                             uint32_t total)
{
	uint8_t *start = rte_pktmbuf_mtod(m, uint8_t *) - inserted(sa);
	struct rte_ipv6_hdr *ip = memmove(start, packet_ip6(m), p->at);

	ip->payload_len = rte_cpu_to_be_16((uint16_t)(total - SA_IPV6_HEADER));
	memcpy(ip->dst_addr, sa->more->dst, sizeof(ip->dst_addr));
	start[p->named] = sa->encap == SA_ENCAP_UDP ? IPPROTO_UDP : IPPROTO_ESP;
	m->data_off = (uint16_t)(m->data_off - inserted(sa));
	m->data_len = (uint16_t)total;
	m->pkt_len = total;
	return start + p->at;
}

static void wrap_one(struct rte_mbuf *m, struct sa *sa, const struct place *p,
                     const struct esp6_onward *onward, uint64_t seq, const uint8_t **ivs,
                     struct crypto_item *item)
{
	uint8_t *packet = rte_pktmbuf_mtod(m, uint8_t *), *at;
	uint32_t len = m->data_len - p->at, text_len = item->text_len;
	uint32_t total = p->at + inserted(sa) + text_len + sa->icv_len;

	wrap_put_trailer(packet + m->data_len, text_len - len - ESP_TRAILER, packet[p->named]);
	at = move_headers(m, sa, p, total);
	if (sa->encap == SA_ENCAP_UDP) {
		wrap_put_udp(at, sa, (uint16_t)(total - p->at));
		at += SA_UDP_HEADER;
	}
	wrap_put_esp(sa, at, seq, ivs);
	item->sa = sa;
	item->esp = at;
	item->seq_hi = (uint32_t)(seq >> 32);
	esp6_become_outer(m, sa, onward);
	packet_of(m)->payload = (uint16_t)p->at;
}

uint16_t esp_transport6_wrap(struct worker *w, struct sa *sa, struct rte_mbuf **pkts, uint16_t n,
                             struct rte_mbuf **good, struct crypto_item *items)
{
	uint64_t seq = sa->sequence, bytes = 0;
	struct esp6_onward onward;
	const uint8_t *ivs = NULL;
	uint16_t k = 0;

	esp6_onward_find(w, sa, &onward);
	w->esp->some_ipv6 = true;
	if (sa->engine >= SA_ENGINE_MB)
		ivs = crypto_ivs(w->esp->crypto, n * (unsigned)sa->iv_len);
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		uint32_t len = m->data_len;
		struct place p;
		enum counter reason = fits(sa, m, &p, &items[k].text_len);

		if (reason != DROP_NONE) {
			wrap_refuse(w, m, sa, reason);
			continue;
		}
		wrap_one(m, sa, &p, &onward, ++seq, &ivs, &items[k]);
		bytes += len;
		good[k++] = m;
	}
	activity_mark(&sa->last_out, w->now);
	wrap_account(sa, seq, k, bytes);
	return k;
}

bool esp_transport6_restore(struct rte_mbuf *m, const struct crypto_item *item, uint8_t next,
                            uint32_t pad)
{
	const struct sa *sa = item->sa;
	uint8_t *outer = rte_pktmbuf_mtod(m, uint8_t *), *text, *start;
	uint32_t udp = sa->encap == SA_ENCAP_UDP ? SA_UDP_HEADER : 0;
	uint32_t head = (uint32_t)(item->esp - outer) - udp, named = named_at(outer, head);
	uint32_t len = head + item->text_len - ESP_TRAILER - pad;
	struct rte_ipv6_hdr *ip;

	if (!named)
		return false;
	text = item->esp + SA_ESP_HEADER + sa->iv_len;
	start = text - head;
	ip = memmove(start, outer, head);
	ip->payload_len = rte_cpu_to_be_16((uint16_t)(len - SA_IPV6_HEADER));
	start[named] = next;
	// Beyond a NAT: the addresses that were agreed, which are those under the packet's
	// checksum.
	if (udp) {
		memcpy(ip->src_addr, sa->more->remote, sizeof(ip->src_addr));
		memcpy(ip->dst_addr, sa->more->local, sizeof(ip->dst_addr));
	}
	m->data_off = (uint16_t)(start - (uint8_t *)m->buf_addr);
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	return true;
}
