// Frames on their way into a port: gathered for each interface, sent in bursts. [W] A port that is
// full is a drop. A worker without a TX queue of its own on a port hands its frames to one that
// has.
#include <rte_branch_prediction.h>
#include <rte_ethdev.h>

#include "vlan.h"

#define KEPT_FOR ticks_from_seconds(10)

static inline uint16_t send_gathered(struct worker *w, uint16_t iface)
{
	const struct iface *out = &w->dp->ifaces[iface];
	struct worker_tx *tx = &w->tx[iface];
	uint16_t queue = (uint16_t)iface_queue(w->dp, out, w->index);
	uint16_t sent;

	if (unlikely(out->sub))
		tx->n = vlan_tag_burst(w, iface, tx->pkts, tx->n);
	stats_stage(&w->stats, DP_STAGE_EGRESS, 0);
	sent = rte_eth_tx_burst(out->port, queue, tx->pkts, tx->n);
	stats_stage(&w->stats, DP_STAGE_TX, tx->n);
	worker_count_n(w, COUNT_TX, sent);
	return sent;
}

static void drop(struct worker *w, struct worker_tx *tx, struct rte_mbuf **pkts, uint16_t n)
{
	worker_count_n(w, DROP_TX_FULL, n);
	__atomic_store_n(&tx->dropped, tx->dropped + n, __ATOMIC_RELAXED);
	rte_pktmbuf_free_bulk(pkts, n);
}

void tx_send(struct worker *w, uint16_t iface)
{
	struct worker_tx *tx = &w->tx[iface];
	uint16_t sent = send_gathered(w, iface), left = tx->n - sent;

	if (left)
		drop(w, tx, tx->pkts + sent, left);
	tx->n = 0;
}

// ---- the control core's -------------------------------------------------------------------------

// What is gathered for an interface whose port's own is `main`.
static void keep(struct worker *w, uint16_t main, uint16_t iface)
{
	struct worker_tx *tx = &w->tx[iface], *kept = &w->kept[main];
	uint16_t sent = send_gathered(w, iface);
	uint16_t left = RTE_MIN(tx->n - sent, WORKER_BURST - kept->n);

	memcpy(kept->pkts + kept->n, tx->pkts + sent, left * sizeof(tx->pkts[0]));
	kept->n += left;
	sent += left;
	if (sent < tx->n)
		drop(w, tx, tx->pkts + sent, (uint16_t)(tx->n - sent));
	tx->n = 0;
}

void tx_keep(struct worker *w, uint16_t iface)
{
	// Relaxed: as in tx_flush().
	unsigned n = __atomic_load_n(&w->dp->n_ifaces, __ATOMIC_RELAXED);

	for (uint16_t i = 0; i < n; i++)
		if (w->tx[i].n && w->dp->ifaces[i].port == w->dp->ifaces[iface].port)
			keep(w, iface, i);
}

bool tx_send_kept(struct worker *w, uint16_t iface)
{
	const struct iface *out = &w->dp->ifaces[iface];
	uint16_t queue = (uint16_t)iface_queue(w->dp, out, w->index);
	struct worker_tx *kept = &w->kept[iface];
	uint16_t sent;

	if (likely(kept->n == 0))
		return true;
	sent = rte_eth_tx_burst(out->port, queue, kept->pkts, kept->n);
	worker_count_n(w, COUNT_TX, sent);
	kept->n -= sent;
	memmove(kept->pkts, kept->pkts + sent, kept->n * sizeof(kept->pkts[0]));
	if (kept->n && tick_diff(w->now, packet_of(kept->pkts[0])->arrived) > (int32_t)KEPT_FOR) {
		drop(w, &w->tx[iface], kept->pkts, kept->n);
		kept->n = 0;
	}
	return kept->n == 0;
}

// ---- everybody's --------------------------------------------------------------------------------

void tx_frames(struct worker *w, uint16_t iface, struct rte_mbuf **pkts, uint16_t n)
{
	struct worker_tx *tx = &w->tx[iface];

	while (n) {
		uint16_t k = RTE_MIN(n, (uint16_t)(WORKER_BURST - tx->n));

		memcpy(tx->pkts + tx->n, pkts, k * sizeof(*pkts));
		tx->n += k;
		pkts += k;
		n -= k;
		if (tx->n == WORKER_BURST)
			tx_send(w, iface);
	}
}

static void tx_one(struct worker *w, struct rte_mbuf *m)
{
	uint16_t out = packet_of(m)->out;
	const struct iface *iface = &w->dp->ifaces[out];
	unsigned queue = iface_queue(w->dp, iface, w->index);

	// A frame has been looked at where it was made: the control core's last word on an
	// interface that is shut down leaves after that.
	if (packet_of(m)->kind != PACKET_FRAME && !iface_is_up(iface)) {
		worker_drop(w, m, DROP_TX_IFACE_DOWN);
		return;
	}
	if (queue >= iface->n_tx) {
		handoff_send(w, iface_worker(w->dp, iface, queue % iface->n_tx), m, PACKET_FRAME);
		return;
	}
	w->tx[out].pkts[w->tx[out].n++] = m;
	if (w->tx[out].n == WORKER_BURST)
		tx_send(w, out);
}

void tx(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		tx_one(w, pkts[i]);
}

void tx_flush(struct worker *w)
{
	// Relaxed: this worker has nothing for an interface that it has not heard of.
	unsigned n = __atomic_load_n(&w->dp->n_ifaces, __ATOMIC_RELAXED);

	for (uint16_t i = 0; i < n; i++)
		if (w->tx[i].n)
			tx_send(w, i);
}
