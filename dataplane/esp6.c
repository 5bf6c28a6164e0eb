// See esp6.h. [W] Outer headers of IPv6: traffic class copied (RFC 4301 5.1.2.2, RFC 6040 4.1), the
// flow label the SA's, hop limit our own. An inner IPv6 packet is cut only if it is the gateway's
// own; otherwise its sender hears what fits, and where that would be less than 1280 bytes the outer
// packet is cut (RFC 2473, 7.1): by fragment6, to what its path takes.
#include "esp6.h"

#include <rte_udp.h>

#include "icmp6.h"
#include "ipv6.h"
#include "split.h"

#define CLASS_SHIFT 20

// ---- out -------------------------------------------------------------------------------------

// As wrap_onward_find(), for an IPv6 destination.
static void onward6_find(struct worker *w, struct sa *sa, struct esp6_onward *onward)
{
	const struct routes *routes = w->dp->routes;
	const uint8_t *dst = (const uint8_t *)sa->more->dst;
	// Acquire: the look-up sees at least the routes of this version.
	uint32_t version = __atomic_load_n(&routes->view.version, __ATOMIC_ACQUIRE);
	const struct route_hop *hop;

	if (sa->routes != version) {
		sa->hop = route_lookup6(routes, dst);
		sa->routes = version;
	}
	hop = route_hop(routes, sa->hop);
	onward->hop = sa->hop;
	onward->out = PACKET_NO_IFACE;
	onward->mtu = UINT32_MAX;
	if ((hop->kind != ROUTE_GATEWAY && hop->kind != ROUTE_CONNECTED) ||
	    !iface_is_up(&w->dp->ifaces[hop->iface])) {
		w->esp->astray = true;
		return;
	}
	onward->out = hop->iface;
	onward->mtu = iface_mtu6(&w->dp->ifaces[hop->iface]);
	memcpy(onward->next_hop, hop->kind == ROUTE_GATEWAY ? hop->gateway6 : dst,
	       sizeof(onward->next_hop));
}

void esp6_onward_find(struct worker *w, struct sa *sa, struct esp6_onward *onward)
{
	*onward = (struct esp6_onward){0};
	if (sa->outer6) {
		onward6_find(w, sa, onward);
		return;
	}
	onward->v4 = wrap_onward_find(w, sa);
	onward->out = onward->v4.out;
	onward->hop = onward->v4.hop;
	onward->mtu = onward->v4.mtu;
}

static uint8_t class_of(const struct sa *sa, struct rte_mbuf *m)
{
	if (!sa->inner6)
		return packet_ip(m)->type_of_service;
	return (uint8_t)(rte_be_to_cpu_32(packet_ip6(m)->vtc_flow) >> CLASS_SHIFT);
}

static void put_ipv6(const struct sa *sa, uint8_t *at, uint32_t total, uint8_t class)
{
	struct rte_ipv6_hdr ip = {
		.vtc_flow = rte_cpu_to_be_32(6u << 28 | (uint32_t) class << CLASS_SHIFT |
	                                     sa->more->flow),
		.payload_len = rte_cpu_to_be_16((uint16_t)(total - SA_IPV6_HEADER)),
		.proto = sa->encap == SA_ENCAP_UDP ? IPPROTO_UDP : IPPROTO_ESP,
		.hop_limits = SA_OUTER_TTL,
	};

	memcpy(ip.src_addr, sa->more->src, sizeof(ip.src_addr));
	memcpy(ip.dst_addr, sa->more->dst, sizeof(ip.dst_addr));
	memcpy(at, &ip, sizeof(ip));
}

void esp6_put_outer(struct worker *w, const struct sa *sa, uint8_t *at, uint32_t total,
                    uint8_t class, uint32_t df)
{
	uint32_t outer = sa->outer6 ? SA_IPV6_HEADER : SA_IPV4_HEADER;

	if (sa->outer6)
		put_ipv6(sa, at, total, class);
	else
		wrap_put_ipv4(&sa->out, at, total, class, df, (uint16_t)w->ip_id++);
	if (sa->encap == SA_ENCAP_UDP)
		wrap_put_udp(at + outer, sa, (uint16_t)(total - outer));
}

// No packet is cut below what every link takes (RFC 8200, 5).
static uint32_t limit_of(const struct sa *sa)
{
	return RTE_MAX(sa->out.mtu, IPV6_MTU_MIN);
}

void esp6_become_outer(struct rte_mbuf *m, const struct sa *sa, const struct esp6_onward *onward)
{
	struct packet *p = packet_of(m);

	p->flags = PACKET_MADE | PACKET_NO_POLICY;
	p->handoffs = 0;
	if (sa->outer6) {
		p->kind = PACKET_ROUTE6;
		p->payload = SA_IPV6_HEADER;
		p->proto = sa->encap == SA_ENCAP_UDP ? IPPROTO_UDP : IPPROTO_ESP;
		p->out = onward->out;
		p->hop = onward->hop;
		p->limit = limit_of(sa);
		memcpy(p->next_hop6, onward->next_hop, sizeof(p->next_hop6));
		return;
	}
	p->kind = PACKET_ROUTE;
	p->ihl = SA_IPV4_HEADER;
	p->out = onward->out;
	p->hop = onward->hop;
	p->next_hop = onward->v4.next_hop;
}

static void wrap_one(struct worker *w, struct rte_mbuf *m, struct sa *sa,
                     const struct esp6_onward *onward, uint32_t df, uint64_t seq,
                     const uint8_t **ivs, struct crypto_item *item)
{
	uint32_t len = m->data_len, text_len = item->text_len, total = sa->overhead + text_len;
	uint32_t front = sa_front(sa);
	uint8_t *inner = rte_pktmbuf_mtod(m, uint8_t *), *at = inner - front;
	uint8_t class = class_of(sa, m);

	wrap_put_trailer(inner + len, text_len - len - ESP_TRAILER,
	                 sa->inner6 ? ESP_NEXT_IPV6 : ESP_NEXT_IPV4);
	esp6_put_outer(w, sa, at, total, class, df);
	wrap_put_esp(sa, at + sa->head_len, seq, ivs);
	m->data_off = (uint16_t)(m->data_off - front);
	m->data_len = (uint16_t)total;
	m->pkt_len = total;
	item->sa = sa;
	item->esp = at + sa->head_len;
	item->seq_hi = (uint32_t)(seq >> 32);
	esp6_become_outer(m, sa, onward);
}

// An IPv6 packet whose outer one is too long for its path. True: it goes all the same.
static bool stretch6(struct worker *w, struct rte_mbuf *m, struct sa *sa, uint32_t longest,
                     uint32_t total)
{
	uint32_t room = wrap_room(sa, longest), most = RTE_MAX(room, IPV6_MTU_MIN);
	bool own = packet_of(m)->flags & PACKET_MADE;

	// Later fragments of the inner one have no ports, so an SA that names some takes none.
	if (rte_pktmbuf_data_len(m) <= most || (own && sa->is_narrow)) {
		if (total <= UINT16_MAX)
			return true;
		wrap_refuse(w, m, sa, DROP_NO_BUFFER);
	} else if (own) {
		split_later(w, m, (uint16_t)RTE_MIN(most, UINT16_MAX));
	} else {
		icmp6_error(w, m, ICMP6_TOO_BIG, 0, most);
		wrap_refuse(w, m, sa, DROP_MTU);
	}
	return false;
}

// Does it fit its path and the interface that it leaves by, which takes `most` bytes, or go all the
// same? *df is the outer header's bit then.
static bool fits(struct worker *w, struct rte_mbuf *m, struct sa *sa, const struct wrap_path *path,
                 uint32_t most, uint32_t total, uint32_t *df)
{
	uint32_t longest = RTE_MIN(sa->outer6 ? path->mtu6 : path->mtu, most);

	*df = path->df_set;
	if (!sa->inner6)
		*df |= packet_ip(m)->fragment_offset & path->df_copy;
	else if (path->df_copy)
		*df |= path->df_copy; // RFC 4301 8.1: an IPv6 packet is as one with DF
	if (likely(total <= longest))
		return true;
	*df = 0;
	return sa->inner6 ? stretch6(w, m, sa, longest, total)
	                  : wrap_stretch(w, m, sa, path, longest, total);
}

uint16_t esp6_wrap(struct worker *w, struct sa *sa, struct wrap_path *path, struct rte_mbuf **pkts,
                   uint16_t n, struct rte_mbuf **good, struct crypto_item *items)
{
	uint64_t seq = sa->sequence, bytes = 0;
	struct esp6_onward onward;
	const uint8_t *ivs = NULL;
	uint16_t k = 0;
	uint32_t most;

	esp6_onward_find(w, sa, &onward);
	most = RTE_MIN(onward.mtu, sa->out.mtu);
	w->esp->some_ipv6 |= sa->outer6;
	if (sa->engine >= SA_ENGINE_MB)
		ivs = crypto_ivs(w->esp->crypto, n * (unsigned)sa->iv_len);
	crypto_prefetch_keys(sa->keys, sa->engine, sa->key_len, pkts[0]->data_len);
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		uint32_t len = m->data_len, text_len = wrap_text_len(sa->align, len), df;

		if (packet_is_ipv6(m) != sa->inner6) {
			wrap_refuse(w, m, sa, DROP_ESP_INNER);
			continue;
		}
		if (packet_of(m)->out != path->out)
			wrap_path_find(w, path, packet_of(m)->out);
		if (!fits(w, m, sa, path, most, sa->overhead + text_len, &df))
			continue;
		if (!wrap_has_room(m, sa, text_len)) {
			wrap_refuse(w, m, sa, m->nb_segs == 1 ? DROP_NO_BUFFER : DROP_SEGMENTED);
			continue;
		}
		items[k].text_len = text_len;
		wrap_one(w, m, sa, &onward, df, ++seq, &ivs, &items[k]);
		bytes += len;
		good[k++] = m;
	}
	activity_mark(&sa->last_out, w->now);
	wrap_account(sa, seq, k, bytes);
	return k;
}

void esp6_checksums(struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		const struct packet *p = packet_of(pkts[i]);
		struct rte_udp_hdr *udp;
		uint32_t len;

		if (p->kind != PACKET_ROUTE6 || p->proto != IPPROTO_UDP)
			continue;
		udp = rte_pktmbuf_mtod_offset(pkts[i], struct rte_udp_hdr *, SA_IPV6_HEADER);
		len = rte_pktmbuf_data_len(pkts[i]) - SA_IPV6_HEADER;
		udp->dgram_cksum = (uint16_t)~ipv6_sum(packet_ip6(pkts[i]), IPPROTO_UDP, udp, len);
		if (udp->dgram_cksum == 0)
			udp->dgram_cksum = UINT16_MAX;
	}
}

// ---- in --------------------------------------------------------------------------------------

uint8_t esp6_outer_class(struct rte_mbuf *m)
{
	if (!packet_is_ipv6(m))
		return packet_ip(m)->type_of_service;
	return (uint8_t)(rte_be_to_cpu_32(packet_ip6(m)->vtc_flow) >> CLASS_SHIFT);
}

// The part of the selector that few SAs have; as unwrap_selected_narrowly().
static bool selected_narrowly(const struct sa_narrow *s, struct rte_mbuf *m)
{
	const uint8_t *packet = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t len = rte_pktmbuf_data_len(m);
	uint16_t remote_port, local_port;
	struct ipv6_chain chain;
	struct reader r;

	if (!ipv6_chain(packet, len, &chain) || (s->proto && s->proto != chain.proto))
		return false;
	if (!s->local_port && !s->remote_port)
		return true;
	if (chain.later)
		return false;
	r = reader_make(packet + chain.payload, len - chain.payload);
	remote_port = reader_u16(&r);
	local_port = reader_u16(&r);
	return reader_ok(&r) && (!s->local_port || s->local_port == local_port) &&
	       (!s->remote_port || s->remote_port == remote_port);
}

static bool selected(const struct sa *sa, struct rte_mbuf *m)
{
	const struct rte_ipv6_hdr *ip = packet_ip6(m);
	const struct sa_more *six = sa->more;
	uint64_t src[2], dst[2];

	memcpy(src, ip->src_addr, sizeof(src));
	memcpy(dst, ip->dst_addr, sizeof(dst));
	for (unsigned i = 0; i < 2; i++)
		if (((src[i] ^ six->remote[i]) & six->remote_mask[i]) |
		    ((dst[i] ^ six->local[i]) & six->local_mask[i]))
			return false;
	return !sa->is_narrow || selected_narrowly(&sa->more->narrow, m);
}

enum counter esp6_accept(struct rte_mbuf *m, const struct sa *sa, uint8_t outer_class)
{
	struct rte_ipv6_hdr *ip = packet_ip6(m);
	uint32_t total, word;
	uint8_t ecn;

	if (!ipv6_is_whole((const uint8_t *)ip, rte_pktmbuf_data_len(m), &total))
		return DROP_ESP_INNER;
	m->data_len = (uint16_t)total;
	m->pkt_len = total;
	if (!ipv6_is_host(ip->src_addr) || !ipv6_is_host(ip->dst_addr))
		return DROP_ESP_INNER;
	if (!selected(sa, m))
		return DROP_ESP_SELECTOR;
	word = rte_be_to_cpu_32(ip->vtc_flow);
	if (!esp_ecn((uint8_t)(word >> CLASS_SHIFT), outer_class, &ecn))
		return DROP_ESP_ECN;
	word = (word & ~(ESP_ECN_MASK << CLASS_SHIFT)) | (uint32_t)ecn << CLASS_SHIFT;
	ip->vtc_flow = rte_cpu_to_be_32(word);
	return DROP_NONE;
}

void esp6_follow(struct worker *w, struct rte_mbuf *m, const struct crypto_item *item)
{
	const struct rte_ipv6_hdr *ip = packet_ip6(m);
	struct sa *sa = item->sa;
	struct dp_event event = {.kind = DP_EVENT_SA_MOVED,
	                         .sa = esp_handle(sa),
	                         .tunnel = sa->tunnel,
	                         .addr = {.family = 6},
	                         .local = {.family = 6}};
	uint16_t port;

	memcpy(&port, item->esp - SA_UDP_HEADER, sizeof(port));
	if (port == sa->from_port && memcmp(ip->src_addr, sa->more->src, 16) == 0)
		return;
	event.port = rte_be_to_cpu_16(port);
	memcpy(event.addr.bytes, ip->src_addr, 16);
	memcpy(event.local.bytes, ip->dst_addr, 16);
	if (!worker_event(w, &event))
		return; // the next packet tells again
	memcpy(sa->more->src, ip->src_addr, 16);
	sa->from_port = port;
}
