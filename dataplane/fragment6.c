// IPv6 packets that are longer than their interface's MTU. [W] What the gateway made is cut, outer
// ESP also to what was learned of its path, since no router will (RFC 8200, 5); about everything
// else its sender hears "packet too big" (RFC 4443, 3.2).
#include "fragment6.h"

#include <errno.h>
#include <rte_random.h>

#include "bytes.h"
#include "icmp6.h"
#include "ipv6.h"

#define HEAD  (PACKET_IPV6_MIN + IPV6_FRAGMENT_SIZE)
#define PARTS WORKER_BURST

// One fragment: bytes at..at+len of what follows the IPv6 header. NULL: no buffer.
static struct rte_mbuf *part_make(struct rte_mbuf *m, struct rte_mempool *pool, uint32_t id,
                                  uint32_t at, uint32_t len, bool more)
{
	const struct rte_ipv6_hdr *ip = packet_ip6(m);
	struct rte_mbuf *part = rte_pktmbuf_alloc(pool);
	uint8_t *to = part ? (uint8_t *)rte_pktmbuf_append(part, (uint16_t)(HEAD + len)) : NULL;
	struct rte_ipv6_hdr *head = (struct rte_ipv6_hdr *)to;

	if (!to) {
		rte_pktmbuf_free(part);
		return NULL;
	}
	*packet_of(part) = *packet_of(m);
	*head = *ip;
	head->payload_len = rte_cpu_to_be_16((uint16_t)(IPV6_FRAGMENT_SIZE + len));
	head->proto = IPPROTO_FRAGMENT;
	to[PACKET_IPV6_MIN] = ip->proto;
	to[PACKET_IPV6_MIN + 1] = 0;
	bytes_put_u16(to + PACKET_IPV6_MIN + 2, (uint16_t)(at | more));
	bytes_put_u32(to + PACKET_IPV6_MIN + 4, id);
	memcpy(to + HEAD, (const uint8_t *)(ip + 1) + at, len);
	return part;
}

int fragment6_cut(struct rte_mbuf *m, struct rte_mbuf **parts, unsigned max, uint16_t mtu,
                  struct rte_mempool *pool, uint32_t id)
{
	uint32_t len = rte_pktmbuf_data_len(m) - PACKET_IPV6_MIN, room = (mtu - HEAD) & ~7u;
	unsigned n = 0;

	if ((len + room - 1) / room > max)
		return -EMSGSIZE;
	for (uint32_t at = 0; at < len; at += room) {
		uint32_t some = RTE_MIN(room, len - at);

		parts[n] = part_make(m, pool, id, at, some, at + some < len);
		if (!parts[n]) {
			rte_pktmbuf_free_bulk(parts, n);
			return -ENOMEM;
		}
		n++;
	}
	return (int)n;
}

static void send_fragments(struct worker *w, struct rte_mbuf *m, uint16_t mtu)
{
	struct rte_mbuf *parts[PARTS];
	int n = fragment6_cut(m, parts, PARTS, mtu, w->dp->pool, (uint32_t)rte_rand());

	if (n < 0) {
		worker_drop(w, m, n == -ENOMEM ? DROP_NO_BUFFER : DROP_MTU);
		return;
	}
	worker_count(w, COUNT_FRAGMENTED);
	rte_pktmbuf_free(m);
	n = adjacency(w, parts, (uint16_t)n);
	tx(w, parts, (uint16_t)n);
}

// The longest piece in which a packet may leave.
static uint32_t mtu_for(const struct worker *w, struct rte_mbuf *m)
{
	const struct packet *p = packet_of(m);
	uint32_t mtu = iface_mtu6(&w->dp->ifaces[p->out]);

	return p->limit ? RTE_MIN(mtu, p->limit) : mtu;
}

uint16_t fragment6(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t k = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		uint32_t mtu = mtu_for(w, m);

		if (rte_pktmbuf_data_len(m) <= mtu) {
			pkts[k++] = m;
		} else if (packet_of(m)->flags & PACKET_MADE && mtu >= IPV6_MTU_MIN) {
			send_fragments(w, m, (uint16_t)RTE_MIN(mtu, w->dp->pool_mtu));
		} else {
			icmp6_error(w, m, ICMP6_TOO_BIG, 0, RTE_MAX(mtu, IPV6_MTU_MIN));
			worker_drop(w, m, DROP_MTU);
		}
	}
	return k;
}

void egress6(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	n = fragment6(w, pkts, n);
	n = adjacency(w, pkts, n);
	tx(w, pkts, n);
}
