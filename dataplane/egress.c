// The way out in one pass: a packet that fits the interface and goes to the same known neighbour as
// the one before it gets its Ethernet header and a place in the port's buffer. [W] All others go
// through the stages fragment, adjacency and tx, one by one; so the order of packets stays.
#include "egress.h"

#include <rte_branch_prediction.h>

#include "adjacency.h"

void egress_way_find(struct worker *w, uint16_t out, uint32_t next_hop, struct egress_way *way)
{
	const struct iface *iface = &w->dp->ifaces[out];
	const struct adjacency_key key = adjacency_key4(out, next_hop);
	struct rte_ether_hdr eth = {.src_addr = iface->mac,
	                            .ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4)};

	*way = (struct egress_way){.iface = out, .next_hop = next_hop, .tx = &w->tx[out]};
	way->mtu = iface_word(&iface->mtu);
	way->open = iface_is_up(iface) && iface_queue(w->dp, iface, w->index) < iface->n_tx &&
	            adjacency_take(w, &key, &eth.dst_addr);
	memcpy(&way->head, &eth, sizeof(way->head));
	memcpy(&way->tail, (const char *)&eth + sizeof(eth) - sizeof(way->tail), sizeof(way->tail));
}

static void slowly(struct worker *w, struct rte_mbuf *m)
{
	uint16_t n = fragment(w, &m, 1);

	n = adjacency(w, &m, n);
	tx(w, &m, n);
}

// Sends the packets in front that take this way, until one needs more; returns how many.
static uint16_t send_run(struct worker *w, struct rte_mbuf **pkts, uint16_t n,
                         const struct egress_way *way)
{
	const struct egress_way to_all = *way; // no store to a packet changes it
	const uint32_t next_hop = way->next_hop, mtu = way->mtu;
	const uint16_t iface = way->iface;
	struct worker_tx *tx = way->tx;
	struct rte_mbuf **to = tx->pkts + tx->n;
	uint16_t i;

	n = RTE_MIN(n, (uint16_t)(WORKER_BURST - tx->n));
	for (i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const struct packet *p = packet_of(m);
		uint8_t *eth;

		if (p->next_hop != next_hop || p->out != iface ||
		    unlikely(m->pkt_len > mtu || m->nb_segs != 1 ||
		             m->data_off < RTE_ETHER_HDR_LEN))
			break;
		eth = rte_pktmbuf_mtod(m, uint8_t *) - RTE_ETHER_HDR_LEN;
		m->data_off -= RTE_ETHER_HDR_LEN;
		m->data_len += RTE_ETHER_HDR_LEN;
		m->pkt_len += RTE_ETHER_HDR_LEN;
		egress_put_header(&to_all, eth);
		to[i] = m;
	}
	tx->n += i;
	if (tx->n == WORKER_BURST)
		tx_send(w, iface);
	return i;
}

void egress(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct egress_way way = {.iface = PACKET_NO_IFACE};
	uint16_t i = 0;

	while (i < n) {
		const struct packet *p = packet_of(pkts[i]);
		uint16_t sent;

		if (p->next_hop != way.next_hop || p->out != way.iface)
			egress_way_find(w, p->out, p->next_hop, &way);
		sent = way.open ? send_run(w, pkts + i, n - i, &way) : 0;
		if (sent == 0)
			slowly(w, pkts[i++]);
		i += sent;
	}
}
