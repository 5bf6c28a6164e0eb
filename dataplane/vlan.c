// VLAN subinterfaces (IEEE 802.1Q). [W] Tags come off before a frame is looked at and go on when a
// burst leaves, so that no stage in between knows of them. [C] Adds and takes away subinterfaces
// while packets flow. Both are done in software unless the port has taken a tag off already: the
// bytes lie in a cache line that is needed anyway, and asking a NIC to insert tags costs many
// drivers their fastest way to send.
#include "vlan.h"

#include <errno.h>
#include <rte_branch_prediction.h>
#include <rte_ethdev.h>
#include <rte_prefetch.h>
#include <stdio.h>
#include <stdlib.h>

#include "classify.h"
#include "link.h"
#include "log.h"
#include "port.h"
#include "port_stats.h"
#include "tunnel.h"

#define TAG_LEN  4u
#define MACS_LEN (2u * RTE_ETHER_ADDR_LEN)
#define ID_MASK  0xfffu
// Longer than any packet is held: as a fragment, for its tunnel, for a neighbour, by a full port.
#define REST_TICKS (TUNNEL_HOLD_TICKS + 25 * TICKS_PER_SECOND)

// ---- workers ---------------------------------------------------------------------------------

uint16_t vlan_untag(struct rte_mbuf *m)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
	uint16_t type, tci;

	if (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) {
		m->ol_flags &= ~(RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_VLAN);
		return m->vlan_tci & ID_MASK;
	}
	if (rte_pktmbuf_data_len(m) < RTE_ETHER_HDR_LEN + TAG_LEN)
		return 0;
	memcpy(&type, frame + MACS_LEN, sizeof(type));
	if (type != rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN))
		return 0;
	memcpy(&tci, frame + MACS_LEN + sizeof(type), sizeof(tci));
	memmove(frame + TAG_LEN, frame, MACS_LEN);
	m->data_off += TAG_LEN;
	m->data_len -= TAG_LEN;
	m->pkt_len -= TAG_LEN;
	return rte_be_to_cpu_16(tci) & ID_MASK;
}

bool vlan_tag(struct rte_mbuf *m, uint16_t vlan)
{
	const uint16_t tag[2] = {rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN), rte_cpu_to_be_16(vlan)};
	uint8_t *frame;

	if (unlikely(m->data_off < TAG_LEN))
		return false;
	m->data_off -= TAG_LEN;
	m->data_len += TAG_LEN;
	m->pkt_len += TAG_LEN;
	frame = rte_pktmbuf_mtod(m, uint8_t *);
	memmove(frame, frame + TAG_LEN, MACS_LEN);
	memcpy(frame + MACS_LEN, tag, sizeof(tag));
	return true;
}

static void count(uint64_t *word, uint64_t n)
{
	__atomic_store_n(word, *word + n, __ATOMIC_RELAXED); // one writer
}

uint16_t vlan_tag_burst(struct worker *w, uint16_t iface, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t vlan = w->dp->ifaces[iface].vlan, k = 0;
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < n; i++) {
		bytes += pkts[i]->pkt_len;
		if (!vlan || vlan_tag(pkts[i], vlan))
			pkts[k++] = pkts[i];
		else
			worker_drop(w, pkts[i], DROP_NO_BUFFER);
	}
	count(&w->vlans[iface].tx_packets, k);
	count(&w->vlans[iface].tx_bytes, bytes);
	return k;
}

// Frames of one interface, side by side.
static uint16_t classify_run(struct worker *w, uint16_t iface, struct rte_mbuf **pkts, uint16_t n)
{
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < n; i++)
		bytes += pkts[i]->pkt_len;
	count(&w->vlans[iface].rx_packets, n);
	count(&w->vlans[iface].rx_bytes, bytes);
	return classify_frames(w, iface, pkts, n);
}

// Takes tags off, drops what is nobody's, and says whose the others are.
static uint16_t untag_all(struct worker *w, const struct vlan_table *table, struct rte_mbuf **pkts,
                          uint16_t n, uint16_t *ifaces)
{
	uint16_t k = 0;

	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	for (uint16_t i = 0; i < n; i++) {
		uint16_t vlan = vlan_untag(pkts[i]);

		// Acquire: the interface was filled before it was named.
		ifaces[k] = __atomic_load_n(&table->iface[vlan], __ATOMIC_ACQUIRE);
		if (likely(ifaces[k] != PACKET_NO_IFACE)) {
			pkts[k++] = pkts[i];
			continue;
		}
		worker_count(w, COUNT_RX);
		worker_drop(w, pkts[i], DROP_VLAN);
	}
	return k;
}

uint16_t vlan_classify(struct worker *w, const struct vlan_table *table, struct rte_mbuf **pkts,
                       uint16_t n)
{
	uint16_t ifaces[WORKER_BURST], k = 0;

	n = untag_all(w, table, pkts, n, ifaces);
	for (uint16_t from = 0, to; from < n; from = to) {
		uint16_t some;

		for (to = from + 1; to < n && ifaces[to] == ifaces[from];)
			to++;
		some = classify_run(w, ifaces[from], pkts + from, to - from);
		memmove(pkts + k, pkts + from, some * sizeof(*pkts));
		k += some;
	}
	return k;
}

// ---- the contract, [C] -----------------------------------------------------------------------

int vlan_init(struct worker *w)
{
	size_t size = DP_IFACES_MAX * sizeof(*w->vlans);

	w->vlans = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(size, RTE_CACHE_LINE_SIZE));
	if (!w->vlans)
		return -ENOMEM;
	memset(w->vlans, 0, size);
	return 0;
}

void vlan_fini(struct worker *w)
{
	free(w->vlans);
	w->vlans = NULL;
}

void vlan_close(struct dp *dp)
{
	for (unsigned i = 0; i < dp->n_ports; i++) {
		free(dp->ifaces[i].vlans);
		dp->ifaces[i].vlans = NULL;
	}
}

void vlan_counts(const struct dp *dp, uint16_t iface, struct vlan_count *out)
{
	*out = (struct vlan_count){0};
	for (unsigned i = 0; i < dp->n_workers; i++) {
		const struct vlan_count *c = &dp->workers[i]->vlans[iface];

		out->rx_packets += __atomic_load_n(&c->rx_packets, __ATOMIC_RELAXED);
		out->rx_bytes += __atomic_load_n(&c->rx_bytes, __ATOMIC_RELAXED);
		out->tx_packets += __atomic_load_n(&c->tx_packets, __ATOMIC_RELAXED);
		out->tx_bytes += __atomic_load_n(&c->tx_bytes, __ATOMIC_RELAXED);
	}
}

// The port's table, made with its first subinterface; it stays until the end.
static struct vlan_table *table_of(struct dp *dp, uint16_t port)
{
	struct vlan_table *table = dp->ifaces[port].vlans;

	if (table)
		return table;
	table = malloc(sizeof(*table));
	if (!table)
		return NULL;
	table->iface[0] = port;
	for (unsigned i = 1; i < VLAN_IDS; i++)
		table->iface[i] = PACKET_NO_IFACE;
	// Release: filled before workers find it.
	__atomic_store_n(&dp->ifaces[port].vlans, table, __ATOMIC_RELEASE);
	return table;
}

// A number for a new interface: one that was never used, or one of which no packet knows any more.
static uint16_t number_take(const struct dp *dp)
{
	tick_t now = dp_now(dp);

	if (dp->n_ifaces < DP_IFACES_MAX)
		return (uint16_t)dp->n_ifaces;
	for (unsigned i = dp->n_ports; i < dp->n_ifaces; i++)
		if (dp->ifaces[i].gone && now - dp->ifaces[i].gone_since > REST_TICKS)
			return (uint16_t)i;
	return PACKET_NO_IFACE;
}

// Everything of the port that a worker asks of an interface.
static void fill(struct iface *sub, const struct iface *port, uint16_t index,
                 const struct dp_vlan_config *config)
{
	*sub = *port;
	sub->main = index;
	sub->vlan_id = config->vlan;
	sub->vlan = config->native ? 0 : config->vlan;
	sub->native = config->native;
	sub->sub = true;
	sub->vlans = NULL;
	sub->flags = 0;
	sub->address = 0;
	sub->config = (struct dp_iface_config){0};
	sub->control_drops = 0;
	snprintf(sub->name, sizeof(sub->name), "%s", config->name);
}

// Frames of this VLAN are to come in, or no more.
static void ask_port(const struct dp *dp, const struct iface *port, uint16_t vlan, bool on)
{
	int rc;

	if (!port->asks_for_vlans || link_is_lost(dp, port))
		return;
	port_stats_lock(dp, port);
	rc = rte_eth_dev_vlan_filter(port->port, vlan, on);
	port_stats_unlock(dp, port);
	if (rc && on && dp->log)
		log_msg(dp->log, LOG_WARNING, "PLATFORM", "VLAN",
		        "Interface %s: the device refuses VLAN %u (%s), whose frames may not "
		        "arrive",
		        port->name, vlan, strerror(-rc));
}

int dp_vlan_add(struct dp *dp, const struct dp_vlan_config *config, uint16_t *iface)
{
	struct vlan_table *table;
	uint16_t i;

	if (config->port >= dp->n_ports || config->vlan == 0 || config->vlan > DP_VLAN_MAX)
		return -EINVAL;
	table = table_of(dp, config->port);
	if (!table)
		return -ENOMEM;
	if (table->iface[config->vlan] != PACKET_NO_IFACE ||
	    (config->native && table->iface[0] != config->port))
		return -EEXIST;
	i = number_take(dp);
	if (i == PACKET_NO_IFACE)
		return -ENOSPC;
	fill(&dp->ifaces[i], &dp->ifaces[config->port], config->port, config);
	// Release: the interface is complete before anybody counts it or finds it.
	if (i == dp->n_ifaces)
		__atomic_store_n(&dp->n_ifaces, i + 1u, __ATOMIC_RELEASE);
	__atomic_store_n(&table->iface[config->vlan], i, __ATOMIC_RELEASE);
	ask_port(dp, &dp->ifaces[config->port], config->vlan, true);
	if (config->native)
		__atomic_store_n(&table->iface[0], i, __ATOMIC_RELEASE);
	*iface = i;
	return 0;
}

void dp_vlan_del(struct dp *dp, uint16_t i)
{
	struct dp_iface_config down = {.mtu = RTE_ETHER_MTU};
	struct iface *sub = &dp->ifaces[i];
	struct vlan_table *table;

	if (i >= dp->n_ifaces || !sub->sub || sub->gone)
		return;
	table = dp->ifaces[sub->main].vlans;
	// Relaxed: a frame that still finds the old interface finds it down, or not yet down.
	__atomic_store_n(&table->iface[sub->vlan_id], PACKET_NO_IFACE, __ATOMIC_RELAXED);
	if (sub->native)
		__atomic_store_n(&table->iface[0], sub->main, __ATOMIC_RELAXED);
	ask_port(dp, &dp->ifaces[sub->main], sub->vlan_id, false);
	(void)dp_iface_set(dp, i, &down);
	sub->gone = true;
	sub->gone_since = dp_now(dp);
}
