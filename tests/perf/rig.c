// The gateway of a measurement: one worker, whose loop the caller plays, and flows that lead back
// to it. One thread. Nothing here is timed; it must leave the keys of the next burst out of the
// caches.
#include "rig.h"

#include <errno.h>
#include <rte_cycles.h>
#include <stdlib.h>

#include "drop.h"
#include "esp.h"
#include "packet.h"
#include "route.h"

#define RIG_MESSAGES 1024u
#define RIG_EVENTS   64u
#define RIG_MBUFS    255u
// Longer than any measurement, so that no peer is doubted; the question is asked all the same.
#define RIG_DOUBT (3600 * TICKS_PER_SECOND)

// In place of the ports' own answer: everything comes to the one worker.
unsigned port_worker_for(const struct dp *dp, uint32_t src, uint32_t dst)
{
	(void)dp;
	(void)src;
	(void)dst;
	return 0;
}

static struct worker *worker_make(struct dp *dp)
{
	struct worker *w = aligned_alloc(64, (sizeof(*w) + 63) / 64 * 64);

	if (!w)
		return NULL;
	memset(w, 0, sizeof(*w));
	w->dp = dp;
	w->messages = rte_ring_create_elem("messages", sizeof(struct message), RIG_MESSAGES,
	                                   SOCKET_ID_ANY, 0);
	w->events = rte_ring_create_elem("events", sizeof(struct dp_event), RIG_EVENTS,
	                                 SOCKET_ID_ANY, 0);
	if (w->messages && w->events && worker_esp_init(w) == 0)
		return w;
	rte_ring_free(w->messages);
	rte_ring_free(w->events);
	free(w);
	return NULL;
}

static void turn(struct rig *r)
{
	struct message msg;

	do {
		message_drain(&r->dp);
		while (rte_ring_sc_dequeue_elem(r->worker->messages, &msg, sizeof(msg)) == 0)
			sa_messages(r->worker, &msg);
	} while (r->dp.waiting[0].count);
}

static int flow_make(struct rig *r, const struct suite *suite, uint32_t i)
{
	struct sa_spec spec = suite_spec(suite, i), mirror;
	struct dp_tunnel_spec tunnel = {.iface = 1, .selector = spec.selector, .peer = i};
	struct handle in, out;
	int err;

	err = dp_tunnel_add(&r->dp, &tunnel, &r->tunnels[i]);
	if (err == 0)
		err = dp_sa_reserve(&r->dp, &spec.remote, &spec.local, &in, &spec.spi);
	if (err)
		return err;
	mirror = suite_mirror(&spec);
	err = dp_sa_add_in(&r->dp, in, &mirror, r->tunnels[i]);
	if (err == 0)
		err = dp_sa_add_out(&r->dp, &spec, r->tunnels[i], in, &out);
	if (err)
		return err;
	dp_tunnel_use(&r->dp, r->tunnels[i], out);
	dp_peer_watch(&r->dp, i, RIG_DOUBT);
	r->out_keys[i] = sa_table_keys(r->dp.sas, out.index);
	r->in_keys[i] = sa_table_keys(r->dp.sas, in.index);
	if (i == 0)
		r->shape = *(const struct sa *)sa_table_at(r->dp.sas, out.index);
	turn(r);
	return 0;
}

// struct dp and its worker as dp_start() makes them.
static int gateway_make(struct rig *r, uint64_t tsc_hz)
{
	struct dp *dp = &r->dp;
	int err;

	dp->n_workers = 1;
	dp->n_ifaces = 2;
	dp->clock.base = rte_rdtsc();
	dp->clock.hz = tsc_hz;
	dp->clock.cycles_a_tick = tsc_hz / TICKS_PER_SECOND;
	dp->limits = (struct dp_limits){r->n_flows, r->n_flows, 2 * r->n_flows, 16};
	for (unsigned i = 0; i < dp->n_ifaces; i++)
		dp->ifaces[i].mtu = 1500;
	dp->rcu = aligned_alloc(64, (rte_rcu_qsbr_get_memsize(1) + 63) / 64 * 64);
	dp->pool = rte_pktmbuf_pool_create("packets", RIG_MBUFS, 0, PACKET_PRIV_SIZE,
	                                   RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!dp->rcu || !dp->pool)
		return -ENOMEM;
	rte_rcu_qsbr_init(dp->rcu, 1);
	err = route_init(dp);
	if (err == 0)
		err = control_init(dp);
	if (err)
		return err;
	dp->workers[0] = r->worker = worker_make(dp);
	if (!r->worker || rte_pktmbuf_alloc_bulk(dp->pool, r->pkts, RIG_BURST))
		return -ENOMEM;
	return 0;
}

int rig_start(struct rig *r, const struct suite *suite, uint32_t n_flows, uint64_t tsc_hz)
{
	int err;

	memset(r, 0, sizeof(*r));
	r->n_flows = n_flows;
	r->tunnels = calloc(n_flows, sizeof(*r->tunnels));
	r->out_keys = calloc(n_flows, sizeof(*r->out_keys));
	r->in_keys = calloc(n_flows, sizeof(*r->in_keys));
	r->order = calloc(n_flows, sizeof(*r->order));
	err = r->tunnels && r->out_keys && r->in_keys && r->order ? gateway_make(r, tsc_hz)
	                                                          : -ENOMEM;
	for (uint32_t i = 0; i < n_flows && err == 0; i++)
		err = flow_make(r, suite, i);
	if (err)
		rig_stop(r);
	return err;
}

void rig_stop(struct rig *r)
{
	if (r->pkts[0])
		rte_pktmbuf_free_bulk(r->pkts, RIG_BURST);
	if (r->worker) {
		worker_esp_fini(r->worker);
		rte_ring_free(r->worker->messages);
		rte_ring_free(r->worker->events);
		free(r->worker);
	}
	control_fini(&r->dp);
	route_fini(&r->dp);
	fifo_fini(&r->dp.waiting[0]);
	fifo_fini(&r->dp.events);
	rte_mempool_free(r->dp.pool);
	free(r->dp.rcu);
	free(r->order);
	free(r->in_keys);
	free(r->out_keys);
	free(r->tunnels);
	memset(r, 0, sizeof(*r));
}

// A small generator with a fixed seed: every run visits in the same order.
static uint32_t below(uint32_t n)
{
	static uint64_t x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)((x >> 11) % n);
}

void rig_visit(struct rig *r, uint32_t n)
{
	r->n = n;
	r->next = 0;
	for (uint32_t i = 0; i < n; i++) { // a shuffle from the inside out
		uint32_t k = below(i + 1);

		r->order[i] = r->order[k];
		r->order[k] = i;
	}
}

void rig_fill(struct rig *r, uint16_t len)
{
	for (unsigned i = 0; i < RIG_BURST; i++) {
		struct rte_mbuf *m = r->pkts[i];
		struct rte_ipv4_hdr *ip;
		uint8_t *data;

		rte_pktmbuf_reset(m);
		data = (uint8_t *)rte_pktmbuf_append(m, len);
		ip = (struct rte_ipv4_hdr *)data;
		for (unsigned k = sizeof(*ip); k < len; k++)
			data[k] = (uint8_t)(k * 7 + i);
		*ip = (struct rte_ipv4_hdr){
			.version_ihl = 0x45,
			.total_length = rte_cpu_to_be_16(len),
			.time_to_live = 63,
			.next_proto_id = IPPROTO_UDP,
			.src_addr = rte_cpu_to_be_32(0x0a010001),
			.dst_addr = rte_cpu_to_be_32(0x0a020001),
		};
		packet_checksum_ipv4(ip);
	}
}

static void clock_in(struct rig *r)
{
	tick_t now = clock_tick(&r->dp.clock, rte_rdtsc());

	if (now == r->worker->now)
		return;
	r->worker->now = now;
	worker_esp_tick(r->worker);
}

void rig_ready(struct rig *r)
{
	clock_in(r);
	for (unsigned i = 0; i < RIG_BURST; i++) {
		struct packet *p = packet_of(r->pkts[i]);

		packet_init(r->pkts[i], 0, r->worker->now);
		p->ihl = PACKET_IPV4_MIN;
		p->out = 1;
		p->tunnel = r->tunnels[rig_next(r)];
	}
}

void rig_arrive(struct rig *r)
{
	for (unsigned i = 0; i < RIG_BURST; i++) {
		struct packet *p = packet_of(r->pkts[i]);

		packet_init(r->pkts[i], 1, r->worker->now);
		p->ihl = PACKET_IPV4_MIN;
		p->kind = PACKET_ESP;
	}
}

const char *rig_dropped(const struct rig *r)
{
	for (unsigned i = 0; i < DROP_REASONS; i++)
		if (r->worker->counters[i])
			return drop_name(i);
	return NULL;
}
