// A gateway without ports for unit tests: struct dp and workers as dp_start() makes them, but the
// test plays the worker loop and holds the clock.
#ifndef VIGIL_TESTS_DATAPLANE_GATE_H
#define VIGIL_TESTS_DATAPLANE_GATE_H

#include <stdlib.h>

#include "dp_internal.h"
#include "esp.h"
#include "handoff.h"
#include "policy.h"
#include "route.h"
#include "suites.h"
#include "test_eal.h"
#include "worker.h"

#define GATE_WORKERS 2u
#define GATE_EVENTS  64u

static struct dp gate;
static unsigned gate_rss; // worker to which "the port's RSS" brings everything

// In place of the ports' own answer.
unsigned port_worker_for(const struct dp *dp, const struct ip_addr *src, const struct ip_addr *dst)
{
	(void)dp;
	(void)src;
	(void)dst;
	return gate_rss;
}

static inline struct worker *gate_worker_make(unsigned index)
{
	struct worker *w = aligned_alloc(64, (sizeof(*w) + 63) / 64 * 64);
	char name[32];

	if (!w)
		abort();
	memset(w, 0, sizeof(*w));
	w->dp = &gate;
	w->index = (uint16_t)index;
	w->now = 1000;
	snprintf(name, sizeof(name), "messages_%u", index);
	w->messages = rte_ring_create_elem(name, sizeof(struct message), 64, SOCKET_ID_ANY, 0);
	snprintf(name, sizeof(name), "events_%u", index);
	w->events =
		rte_ring_create_elem(name, sizeof(struct dp_event), GATE_EVENTS, SOCKET_ID_ANY, 0);
	if (!w->messages || !w->events || worker_esp_init(w))
		abort();
	return w;
}

static inline int gate_start(void **state)
{
	(void)state;
	memset(&gate, 0, sizeof(gate));
	gate_rss = 0;
	gate.n_workers = GATE_WORKERS;
	gate.n_ifaces = 2;
	gate.pool_mtu = 1500;
	gate.clock.cycles_a_tick = UINT64_MAX; // dp_now() stands still at 100
	gate.limits = (struct dp_limits){16, 64, 512, 16};
	for (unsigned i = 0; i < 2; i++) {
		gate.ifaces[i].mtu = 1500;
		gate.ifaces[i].address = rte_cpu_to_be_32(0xc0000201);
	}
	gate.rcu = aligned_alloc(64, (rte_rcu_qsbr_get_memsize(2) + 63) / 64 * 64);
	rte_rcu_qsbr_init(gate.rcu, 2);
	gate.pool = rte_pktmbuf_pool_create("packets", 2047, 0, PACKET_PRIV_SIZE,
	                                    RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!gate.pool || route_init(&gate) || control_init(&gate))
		return -1;
	for (unsigned i = 0; i < GATE_WORKERS; i++)
		gate.workers[i] = gate_worker_make(i);
	return handoff_init(&gate);
}

static inline int gate_stop(void **state)
{
	int leaked;

	(void)state;
	handoff_fini(&gate);
	for (unsigned i = 0; i < GATE_WORKERS; i++) {
		struct worker *w = gate.workers[i];

		for (unsigned k = 0; k < w->n_made; k++)
			rte_pktmbuf_free(w->made[k]);
		worker_esp_fini(w);
		rte_ring_free(w->messages);
		rte_ring_free(w->events);
		free(w);
		fifo_fini(&gate.waiting[i]);
	}
	control_fini(&gate);
	route_fini(&gate);
	fifo_fini(&gate.events);
	leaked = (int)rte_mempool_in_use_count(gate.pool);
	rte_mempool_free(gate.pool);
	free(gate.rcu);
	return leaked; // a packet that nobody freed
}

// The workers' turn: they take all messages.
static inline void gate_turn(void)
{
	struct message msg;

	do {
		message_drain(&gate);
		for (unsigned i = 0; i < GATE_WORKERS; i++)
			while (rte_ring_sc_dequeue_elem(gate.workers[i]->messages, &msg,
			                                sizeof(msg)) == 0)
				sa_messages(gate.workers[i], &msg);
	} while (gate.waiting[0].count || gate.waiting[1].count);
}

static inline void gate_tick(tick_t now)
{
	for (unsigned i = 0; i < GATE_WORKERS; i++) {
		gate.workers[i]->now = now;
		worker_esp_tick(gate.workers[i]);
	}
}

// The next event of this kind, others are thrown away; kind -1 = there was none.
static inline struct dp_event gate_event(enum dp_event_kind kind)
{
	struct dp_event event;

	while (dp_events(&gate, &event, 1))
		if (event.kind == kind)
			return event;
	return (struct dp_event){.kind = (enum dp_event_kind) - 1};
}

static inline unsigned gate_events(enum dp_event_kind kind)
{
	struct dp_event event;
	unsigned n = 0;

	while (dp_events(&gate, &event, 1))
		n += event.kind == kind;
	return n;
}

// An inner IPv4 packet of `len` bytes from 10.1.0.1 to 10.2.0.1 with a pattern behind its header.
static inline struct rte_mbuf *gate_packet(uint16_t len, struct handle tunnel)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(gate.pool);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)rte_pktmbuf_append(m, len);
	uint8_t *data = (uint8_t *)ip;

	for (unsigned i = 20; i < len; i++)
		data[i] = (uint8_t)(i * 7);
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = 0x45,
		.type_of_service = 0xb8,
		.total_length = rte_cpu_to_be_16(len),
		.time_to_live = 63,
		.next_proto_id = 17,
		.src_addr = rte_cpu_to_be_32(0x0a010001),
		.dst_addr = rte_cpu_to_be_32(0x0a020001),
	};
	packet_checksum_ipv4(ip);
	packet_init(m, 0, 0);
	packet_of(m)->ihl = 20;
	packet_of(m)->out = 1;
	packet_of(m)->tunnel = tunnel;
	return m;
}

// A flow with a pair of SAs that lead back to this very gateway.
struct gate_flow {
	struct handle tunnel, in, out;
	struct sa_spec spec; // outbound
};

static inline struct gate_flow gate_flow_make(struct sa_spec spec)
{
	struct dp_tunnel_spec tunnel = {.iface = 1, .selector = spec.selector, .peer = 3};
	struct sa_spec mirror;
	struct gate_flow f;

	if (dp_tunnel_add(&gate, &tunnel, &f.tunnel) ||
	    dp_sa_reserve(&gate, &spec.remote, &spec.local, &f.in, &spec.spi))
		abort();
	mirror = suite_mirror(&spec);
	if (dp_sa_add_in(&gate, f.in, &mirror, f.tunnel) ||
	    dp_sa_add_out(&gate, &spec, f.tunnel, f.in, &f.out))
		abort();
	dp_tunnel_use(&gate, f.tunnel, f.out);
	f.spec = spec;
	gate_turn();
	return f;
}

static inline struct worker *gate_owner(const struct gate_flow *f)
{
	return gate.workers[tunnel_owner(gate.tunnels, f->tunnel.index)];
}

// What classify would say about an outer packet.
static inline void gate_arrive(struct rte_mbuf *m)
{
	struct rte_ipv4_hdr *ip = packet_ip(m);

	packet_init(m, 1, 0);
	packet_of(m)->ihl = 20;
	packet_of(m)->kind = PACKET_ESP;
	packet_of(m)->flags = ip->next_proto_id == 17 ? PACKET_IN_UDP : 0;
	packet_of(m)->payload = ip->next_proto_id == 17 ? 28 : 20;
}

// Encrypts one packet of the flow. NULL: it did not come out.
static inline struct rte_mbuf *gate_encrypt(const struct gate_flow *f, uint16_t len)
{
	struct rte_mbuf *m = gate_packet(len, f->tunnel);

	return esp_out(gate_owner(f), &m, 1) ? m : NULL;
}

// Brings one outer packet in. False: dropped.
static inline bool gate_decrypt(struct rte_mbuf **m)
{
	gate_arrive(*m);
	return esp_in(gate.workers[gate_rss], m, 1) == 1;
}

static inline uint64_t gate_counter(enum counter c)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < GATE_WORKERS; i++)
		n += gate.workers[i]->counters[c];
	return n;
}

#endif
