// IKE messages and frames on their way from a worker to the control core, and what the contract
// says about them. The ring is the only thing that both sides touch: [W] puts in, [C] takes out.
#include "punt.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <stdlib.h>

#include "addr.h"
#include "bytes.h"
#include "port_stats.h"

// Of an IKE SA slot and those that share its place, in a tick: a quarter of the ring, and more
// than thousands of quick modes at once bring. Who sends more does not keep the others' answers
// out.
#define SHARES  65536u
#define A_SHARE 512u

struct punt_share {
	uint16_t tick; // the low bits; one that comes round again is no matter
	uint16_t n;
};

int punt_init(struct worker *w)
{
	w->shares = calloc(SHARES, sizeof(*w->shares));
	return w->shares ? 0 : -ENOMEM;
}

void punt_fini(struct worker *w)
{
	free(w->shares);
	w->shares = NULL;
}

// Is there something left of its share of this tick? Takes it.
static bool share_take(struct worker *w, uint32_t slot)
{
	struct punt_share *s = &w->shares[slot % SHARES];

	if (s->tick != (uint16_t)w->now)
		*s = (struct punt_share){.tick = (uint16_t)w->now};
	return s->n < A_SHARE && ++s->n;
}

static bool cookie_in_use(const uint32_t *tags, uint32_t slots, struct reader *r, uint32_t *slot)
{
	uint32_t named = reader_u32(r), tag = reader_u32(r);

	if (!reader_ok(r) || named >= slots || tag == 0)
		return false;
	// Relaxed: a tag that is seen late only means the other ring.
	if (__atomic_load_n(&tags[named], __ATOMIC_RELAXED) != tag)
		return false;
	*slot = named;
	return true;
}

bool punt_is_established(const uint32_t *tags, uint32_t slots, const uint8_t *header, size_t len,
                         uint32_t *slot)
{
	struct reader r = reader_make(header, len);
	bool initiator = cookie_in_use(tags, slots, &r, slot);

	return cookie_in_use(tags, slots, &r, slot) || initiator;
}

static void punt(struct worker *w, struct rte_mbuf *m, enum dp_punt class, enum counter count,
                 enum counter drop)
{
	w->told = true;
	if (rte_ring_sp_enqueue(w->punt[class], m))
		worker_drop(w, m, drop);
	else
		worker_count(w, count);
}

void punt_ike(struct worker *w, struct rte_mbuf *m)
{
	const struct packet *p = packet_of(m);
	const uint8_t *header = rte_pktmbuf_mtod_offset(m, const uint8_t *, p->payload);
	size_t len = rte_pktmbuf_data_len(m) - p->payload;
	uint32_t slot;

	if (!punt_is_established(w->dp->ike_tags, w->dp->limits.max_ike_sas, header, len, &slot))
		punt(w, m, DP_PUNT_IKE_NEW, COUNT_PUNT_IKE_NEW, DROP_PUNT_IKE_NEW);
	else if (share_take(w, slot))
		punt(w, m, DP_PUNT_IKE_ESTABLISHED, COUNT_PUNT_IKE_ESTABLISHED,
		     DROP_PUNT_IKE_ESTABLISHED);
	else // among the strangers; lost, it is still a known one's
		punt(w, m, DP_PUNT_IKE_NEW, COUNT_PUNT_IKE_NEW, DROP_PUNT_IKE_ESTABLISHED);
}

void punt_frame(struct worker *w, struct rte_mbuf *m)
{
	punt(w, m, DP_PUNT_FRAME, COUNT_PUNT_FRAME, DROP_PUNT_FRAME);
}

// ---- control core ----------------------------------------------------------------------------

// The next packet of a ring, which stays there as far as others are concerned.
static struct rte_mbuf *punt_head(struct dp *dp, unsigned worker, enum dp_punt class)
{
	struct rte_mbuf **head = &dp->heads[worker][class];

	if (!*head && rte_ring_sc_dequeue(dp->workers[worker]->punt[class], (void **)head))
		*head = NULL;
	return *head;
}

// The oldest of the heads, taken; NULL when all rings are empty.
static struct rte_mbuf *punt_oldest(struct dp *dp, enum dp_punt class)
{
	struct rte_mbuf *oldest = NULL;
	unsigned from = 0;

	for (unsigned i = 0; i < dp->n_workers; i++) {
		struct rte_mbuf *m = punt_head(dp, i, class);

		if (!m ||
		    (oldest && !tick_before(packet_of(m)->arrived, packet_of(oldest)->arrived)))
			continue;
		oldest = m;
		from = i;
	}
	if (oldest)
		dp->heads[from][class] = NULL;
	return oldest;
}

static void view_make(struct dp_view *v, struct rte_mbuf *m, enum dp_punt class)
{
	const struct packet *p = packet_of(m);

	*v = (struct dp_view){
		.data = rte_pktmbuf_mtod_offset(m, const uint8_t *, p->payload),
		.len = (uint16_t)(rte_pktmbuf_data_len(m) - p->payload),
		.iface = p->in,
		.arrived = p->arrived,
		.owner = m,
	};
	if (class == DP_PUNT_FRAME)
		return;
	if (packet_is_ipv6(m)) {
		v->src = addr_from_bytes(6, packet_ip6(m)->src_addr);
		v->dst = addr_from_bytes(6, packet_ip6(m)->dst_addr);
	} else {
		v->src = addr_v4(rte_be_to_cpu_32(packet_ip(m)->src_addr));
		v->dst = addr_v4(rte_be_to_cpu_32(packet_ip(m)->dst_addr));
	}
	v->src_port = p->src_port;
	v->dst_port = p->dst_port;
	v->marker = p->flags & PACKET_MARKER;
}

unsigned dp_punt_recv(struct dp *dp, enum dp_punt class, struct dp_view *views, unsigned max)
{
	struct rte_mbuf *m;
	unsigned n = 0;

	while (n < max && (m = punt_oldest(dp, class)))
		view_make(&views[n++], m, class);
	return n;
}

void dp_punt_release(struct dp *dp, struct dp_view *views, unsigned n)
{
	(void)dp;
	for (unsigned i = 0; i < n; i++) {
		rte_pktmbuf_free(views[i].owner);
		views[i].owner = NULL;
	}
}

tick_t dp_punt_horizon(const struct dp *dp)
{
	tick_t horizon = 0;

	for (unsigned i = 0; i < dp->n_workers; i++) {
		// Acquire: what the worker punted before is in its ring.
		tick_t one = __atomic_load_n(&dp->workers[i]->horizon, __ATOMIC_ACQUIRE);

		if (i == 0 || tick_before(one, horizon))
			horizon = one;
	}
	// A fragment may be on its way to the worker that puts it together; that takes
	// microseconds.
	return horizon - 1;
}

// What the ports lost, kept for a tick. A port that starts anew may count from zero.
static void read_ports(struct dp *dp)
{
	struct rte_eth_stats stats;

	dp->losses_until = port_stats_until(dp); // first: not after what is read
	dp->losses_all = 0;
	for (unsigned i = 0; i < dp->n_ports; i++) {
		if (port_stats(dp, &dp->ifaces[i], &stats))
			dp->losses[i] =
				RTE_MAX(dp->losses[i], stats.imissed + stats.rx_nombuf +
			                                       iface_rings_full(dp, (uint16_t)i));
		dp->losses_all += dp->losses[i];
	}
}

// Not const underneath: what was read is kept there.
static void read_ports_once(const struct dp *dp_const)
{
	struct dp *dp = (struct dp *)(uintptr_t)dp_const;
	tick_t now = dp_now(dp);

	if (now == dp->losses_read)
		return;
	read_ports(dp);
	dp->losses_read = now;
}

tick_t dp_punt_losses_until(const struct dp *dp)
{
	read_ports_once(dp);
	return dp->losses_until;
}

uint64_t dp_punt_losses(const struct dp *dp, uint16_t iface)
{
	static const enum counter lost[] = {DROP_PUNT_IKE_ESTABLISHED, DROP_NO_BUFFER};
	uint64_t sum;

	read_ports_once(dp);
	sum = iface < dp->n_ifaces ? dp->losses[dp->ifaces[iface].main] : dp->losses_all;
	for (unsigned i = 0; i < dp->n_workers; i++)
		for (unsigned c = 0; c < RTE_DIM(lost); c++)
			sum += dp_counter(dp, i, lost[c]);
	return sum;
}

void dp_ike_mark(struct dp *dp, uint32_t slot, uint32_t tag)
{
	if (slot < dp->limits.max_ike_sas)
		__atomic_store_n(&dp->ike_tags[slot], tag, __ATOMIC_RELAXED);
}
