// The short ways do exactly what the long way does: the same bursts go through both, and every
// frame, counter and SA is compared. The bursts are random, from a fixed seed: mostly plain
// packets, with all that is not plain strewn in.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "../../perf/gateway.h"
#include "adjacency.h"
#include "esp.h"
#include "mss.h"
#include "odd_frames.h"
#include "reassemble.h"
#include "ring_port.h"
#include "sa_fill.h"
#include "test_eal.h"

#define FLOWS      8u
#define FRAMES     (2 * WORKER_BURST)
#define OUTPUTS    (4 * FRAMES)
#define ROUNDS     1000u
#define OUTSIDE_IP 0xc0000201u
#define INSIDE_IP  0xac100001u
#define PEER_IP    0x64400000u
#define RING_WORDS 8u  // of a replay window of 512 packets
#define TEXT_AT    42u // Ethernet, IPv4 and ESP headers

// The SAs, as far as packets change them.
struct stand {
	struct sa sas[2 * FLOWS];
	uint64_t rings[2 * FLOWS][RING_WORDS];
	struct activity activity[2 * FLOWS];
};

struct outcome {
	struct bytes frames[GATEWAY_IFACES][OUTPUTS];
	unsigned n[GATEWAY_IFACES];
	uint64_t counters[COUNTERS];
	struct stand stand;
};

static struct gateway g;
static uint32_t icmp_errors = 1000; // that the gateway may send
static struct rte_mempool *pool;
static struct ring_port ports[GATEWAY_IFACES];

// ---- the gateway and its ports -----------------------------------------------------------------

static int start(void **state)
{
	const struct gateway_config config = {.memory_mb = 192, .mtu = 1500, .max_flows = FLOWS};
	char err[256] = "";

	(void)state;
	if (gateway_start(&g, &config, err, sizeof(err))) {
		fprintf(stderr, "%s\n", err);
		return -1;
	}
	g.dp->clock.cycles_a_tick = UINT64_MAX; // stands still
	pool = rte_pktmbuf_pool_create("express", 4095, 0, PACKET_PRIV_SIZE,
	                               RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	for (unsigned i = 0; i < GATEWAY_IFACES; i++) {
		if (!pool || ring_port_make(&ports[i], i, pool))
			return -1;
		g.dp->ifaces[i].port = ports[i].port;
	}
	for (unsigned i = 0; i < g.worker->n_rxqs; i++)
		g.worker->rxqs[i].port = ports[g.worker->rxqs[i].iface].port;
	return 0;
}

static int stop(void **state)
{
	int leaked = (int)rte_mempool_in_use_count(pool);

	(void)state;
	for (unsigned i = 0; i < GATEWAY_IFACES; i++)
		rte_eth_dev_stop(ports[i].port);
	gateway_stop(&g);
	return leaked;
}

static struct sa *sa_at(struct handle h)
{
	return sa_table_at(g.dp->sas, h.index);
}

static struct handle handle_at(unsigned i)
{
	return i < FLOWS ? g.flows[i].in : g.flows[i - FLOWS].out;
}

static void state_save(struct stand *s)
{
	for (unsigned i = 0; i < 2 * FLOWS; i++) {
		s->sas[i] = *sa_at(handle_at(i));
		if (sa_ring(&s->sas[i]))
			memcpy(s->rings[i], sa_ring(&s->sas[i]), sizeof(s->rings[i]));
		s->activity[i] = g.dp->sas->activity[handle_at(i).index];
	}
}

// Of these SAs those that are cold are to be so before each burst.
static const struct stand *cold;

static void state_cool(struct stand *s)
{
	for (unsigned i = 0; cold && i < 2 * FLOWS; i++) {
		const struct sa *was = &cold->sas[i];

		if (!sa_is_cold(was))
			continue;
		s->sas[i].engine = was->engine;
		memcpy(s->sas[i].raw_key, was->raw_key, sizeof(was->raw_key));
	}
}

static void state_restore(const struct stand *s)
{
	struct worker *w = g.worker;
	struct dp_event event;
	struct rte_mbuf *m;

	for (unsigned i = 0; i < 2 * FLOWS; i++) {
		*sa_at(handle_at(i)) = s->sas[i];
		if (sa_is_cold(&s->sas[i]))
			memset(s->sas[i].keys, 0, sizeof(*s->sas[i].keys));
		if (sa_ring(&s->sas[i]))
			memcpy(sa_ring(&s->sas[i]), s->rings[i], sizeof(s->rings[i]));
		g.dp->sas->activity[handle_at(i).index] = s->activity[i];
	}
	// No piece of a packet, and none that waits for a neighbour, is left from the run before.
	reassemble_fini(w);
	adjacency_wait_fini(w);
	assert_int_equal(reassemble_init(w), 0);
	assert_int_equal(adjacency_wait_init(w), 0);
	for (unsigned i = 0; i < DP_PUNT_CLASSES; i++)
		while (rte_ring_dequeue(w->punt[i], (void **)&m) == 0)
			rte_pktmbuf_free(m);
	while (dp_events(g.dp, &event, 1))
		;
	memset(w->counters, 0, sizeof(w->counters));
	w->ip_id = 77;
	w->icmp = w->icmp_sizes = (struct icmp_budget){icmp_errors, w->now};
	w->echo_told = 0;
}

// ---- frames ------------------------------------------------------------------------------------

// A frame to an interface with a UDP packet of `len` bytes in it.
static void frame_make(struct bytes *b, unsigned iface, uint32_t src, uint32_t dst, uint16_t len)
{
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)b->data;

	memset(b, 0, sizeof(*b));
	b->len = (uint16_t)(len + RTE_ETHER_HDR_LEN);
	b->headroom = RTE_PKTMBUF_HEADROOM;
	for (unsigned i = 0; i < b->len; i++)
		b->data[i] = (uint8_t)(i * 3);
	eth->dst_addr = g.dp->ifaces[iface].mac;
	eth->src_addr = (struct rte_ether_addr){{2, 0, 0, 0, 0, 0x99}};
	eth->ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	*ip_of(b) = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = (uint8_t)(rng(4) ? 0 : rng(256)),
		.total_length = rte_cpu_to_be_16(len),
		.packet_id = rte_cpu_to_be_16((uint16_t)rng(65536)),
		.fragment_offset = rng(2) ? rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG) : 0,
		.time_to_live = 64,
		.next_proto_id = IPPROTO_UDP,
		.src_addr = rte_cpu_to_be_32(src),
		.dst_addr = rte_cpu_to_be_32(dst),
	};
	checksum(b);
}

// From inside: to hosts behind tunnels in runs, and now and then to others.
static void frame_from_inside(struct bytes *b, uint32_t *host, unsigned one_in)
{
	static const uint32_t others[] = {
		GATEWAY_REMOTE_HOST + FLOWS, INSIDE_IP,  0xac100002,
		GATEWAY_LOCAL_HOST + 3,      0xffffffff, OUTSIDE_IP,
	};

	if (rng(3) == 0)
		*host = GATEWAY_REMOTE_HOST + rng(FLOWS);
	frame_make(b, GATEWAY_INSIDE, GATEWAY_LOCAL_HOST + (rng(8) ? 0 : rng(3)),
	           rng(one_in) ? *host : others[rng(RTE_DIM(others))], length());
	strew(b, one_in);
}

// ---- a run -------------------------------------------------------------------------------------

static struct rte_mbuf *mbuf_of(const struct bytes *b)
{
	uint16_t first = b->split && b->split < b->len ? b->split : b->len;
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool), *more;

	assert_non_null(m);
	m->data_off = b->headroom;
	memcpy(rte_pktmbuf_append(m, first), b->data, first);
	if (first < b->len) {
		more = rte_pktmbuf_alloc(pool);
		assert_non_null(more);
		memcpy(rte_pktmbuf_append(more, (uint16_t)(b->len - first)), b->data + first,
		       b->len - first);
		assert_int_equal(rte_pktmbuf_chain(m, more), 0);
	}
	return m;
}

static void collect(struct outcome *o)
{
	struct rte_mbuf *m;

	for (unsigned i = 0; i < GATEWAY_IFACES; i++) {
		while (rte_ring_dequeue(ports[i].sent, (void **)&m) == 0) {
			struct bytes *b = &o->frames[i][o->n[i]++];

			assert_in_range(o->n[i], 1, OUTPUTS);
			assert_int_equal(m->nb_segs, 1);
			assert_int_equal(m->pkt_len, m->data_len);
			b->place = o->n[i];
			b->len = m->data_len;
			memcpy(b->data, rte_pktmbuf_mtod(m, void *), b->len);
			rte_pktmbuf_free(m);
		}
	}
}

// One run of the frames through the worker, from where `s` stands.
static void run(struct outcome *o, const struct stand *s, unsigned iface,
                const struct bytes *frames, unsigned n, bool long_way)
{
	memset(o, 0, sizeof(*o));
	state_restore(s);
	g.worker->long_way = long_way;
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(rte_ring_enqueue(ports[iface].arriving, mbuf_of(&frames[i])), 0);
	rte_rcu_qsbr_thread_online(g.dp->rcu, 0);
	for (unsigned i = 0; i < 6; i++)
		worker_turn(g.worker);
	rte_rcu_qsbr_thread_offline(g.dp->rcu, 0);
	collect(o);
	memcpy(o->counters, g.worker->counters, sizeof(o->counters));
	state_save(&o->stand);
}

static bool is_made(struct bytes *b)
{
	uint32_t src = rte_be_to_cpu_32(ip_of(b)->src_addr);

	return src == OUTSIDE_IP || src == INSIDE_IP;
}

// The ID of a packet that the gateway has made is the next number: which one depends on the order
// in which it makes ICMP errors and others.
static void forget_id(struct bytes *b)
{
	struct rte_ipv4_hdr *ip = ip_of(b);

	if (!is_made(b))
		return;
	assert_int_equal(rte_raw_cksum(ip, PACKET_IPV4_MIN), 0xffff);
	ip->packet_id = ip->hdr_checksum = 0;
}

// A frame of each way. IVs of CBC are random, and so is what is encrypted: of that the length
// alone is compared, and what comes of it on its way in.
static void frames_equal(struct bytes *a, struct bytes *b)
{
	bool random = g.suite->cipher == SA_CIPHER_AES_CBC && is_made(a) &&
	              ip_of(a)->next_proto_id != IPPROTO_ICMP;

	forget_id(a);
	forget_id(b);
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->data, b->data, random ? TEXT_AT : a->len);
}

// By addresses and protocol, and what is equal as it came: the order of packets of one flow counts.
static int by_flow(const void *a, const void *b)
{
	const struct bytes *x = a, *y = b;
	const unsigned at = RTE_ETHER_HDR_LEN + offsetof(struct rte_ipv4_hdr, src_addr);
	const unsigned proto = RTE_ETHER_HDR_LEN + offsetof(struct rte_ipv4_hdr, next_proto_id);
	int difference = memcmp(x->data + at, y->data + at, 8);

	if (!difference)
		difference = x->data[proto] - y->data[proto];
	return difference ? difference : (int)x->place - (int)y->place;
}

// A copy of a packet of the same burst is found before the cryptography or after it, and one that
// is not authentic either is the one or the other.
static void count_replays_as_one(struct outcome *o)
{
	o->counters[DROP_ESP_REPLAY] += o->counters[DROP_ESP_REPLAY_LATE];
	o->counters[DROP_ESP_REPLAY] += o->counters[DROP_ESP_AUTH];
	o->counters[DROP_ESP_REPLAY_LATE] = o->counters[DROP_ESP_AUTH] = 0;
	for (unsigned i = 0; i < 2 * FLOWS; i++) {
		struct sa *sa = &o->stand.sas[i];

		if (sa->direction == SA_OUT || !sa_has_counters(sa))
			continue;
		sa->replayed += sa->auth_failed;
		sa->auth_failed = 0;
	}
}

static void outcomes_equal(struct outcome *a, struct outcome *b)
{
	count_replays_as_one(a);
	count_replays_as_one(b);
	for (unsigned i = 0; i < COUNTERS; i++)
		if (i != COUNT_EXPRESS && a->counters[i] != b->counters[i])
			fail_msg("%s: %lu and %lu", drop_name(i), (unsigned long)a->counters[i],
			         (unsigned long)b->counters[i]);
	for (unsigned i = 0; i < GATEWAY_IFACES; i++) {
		assert_int_equal(a->n[i], b->n[i]);
		qsort(a->frames[i], a->n[i], sizeof(struct bytes), by_flow);
		qsort(b->frames[i], b->n[i], sizeof(struct bytes), by_flow);
		for (unsigned k = 0; k < a->n[i]; k++)
			frames_equal(&a->frames[i][k], &b->frames[i][k]);
	}
	for (unsigned i = 0; i < 2 * FLOWS; i++) {
		a->stand.sas[i].routes = b->stand.sas[i].routes;
		a->stand.sas[i].until = b->stand.sas[i].until;
		assert_memory_equal(&a->stand.sas[i], &b->stand.sas[i], sizeof(struct sa));
	}
	assert_memory_equal(a->stand.rings, b->stand.rings, sizeof(a->stand.rings));
	assert_memory_equal(a->stand.activity, b->stand.activity, sizeof(a->stand.activity));
}

static uint64_t taken;

static void both_ways(const struct stand *s, unsigned iface, const struct bytes *frames, unsigned n)
{
	static struct outcome a, b;

	run(&a, s, iface, frames, n, true);
	run(&b, s, iface, frames, n, false);
	taken += b.counters[COUNT_EXPRESS];
	outcomes_equal(&a, &b);
}

static const struct suite tried[] = {
	{SA_CIPHER_AES_GCM_16, 16, SA_AUTH_NONE},     {SA_CIPHER_AES_GCM_16, 32, SA_AUTH_NONE},
	{SA_CIPHER_CHACHA_POLY, 32, SA_AUTH_NONE},    {SA_CIPHER_AES_CBC, 16, SA_AUTH_HMAC_SHA1_96},
	{SA_CIPHER_NULL, 0, SA_AUTH_HMAC_SHA256_128},
};

static void out_rounds(unsigned least)
{
	static struct bytes frames[FRAMES];
	static struct stand s;

	taken = 0;
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint32_t host = GATEWAY_REMOTE_HOST;
		unsigned n = 1 + rng(FRAMES), one_in = round % 3 ? 8u << rng(5) : 10000;

		state_save(&s);
		state_cool(&s);
		for (unsigned i = 0; i < n; i++)
			frame_from_inside(&frames[i], &host, one_in);
		both_ways(&s, GATEWAY_INSIDE, frames, n);
	}
	// The short way was no detour: it took a good part of them.
	assert_true(taken > least);
}

// ---- in ----------------------------------------------------------------------------------------

// What the peers send: packets from their hosts, as this gateway's own SAs encrypt them, turned
// round. Each SA's pair has its SPI and keys.
static void encrypt_all(struct bytes *frames, unsigned n)
{
	struct rte_mbuf *m[WORKER_BURST];

	assert_true(n <= WORKER_BURST);
	for (unsigned i = 0; i < n; i++) {
		struct bytes *b = &frames[i];
		uint16_t len = (uint16_t)(b->len - RTE_ETHER_HDR_LEN);
		struct packet *p;

		m[i] = rte_pktmbuf_alloc(pool);
		assert_non_null(m[i]);
		memcpy(rte_pktmbuf_append(m[i], len), ip_of(b), len);
		packet_init(m[i], PACKET_NO_IFACE, g.worker->now);
		p = packet_of(m[i]);
		p->out = GATEWAY_OUTSIDE;
		p->ihl = PACKET_IPV4_MIN;
		p->tunnel = g.flows[b->flow].tunnel;
	}
	assert_int_equal(esp_out(g.worker, m, (uint16_t)n), n);
	for (unsigned i = 0; i < n; i++) {
		struct bytes *b = &frames[i];
		struct rte_ether_hdr *eth = (struct rte_ether_hdr *)b->data;

		b->len = (uint16_t)(m[i]->data_len + RTE_ETHER_HDR_LEN);
		memcpy(ip_of(b), rte_pktmbuf_mtod(m[i], void *), m[i]->data_len);
		ip_of(b)->dst_addr = ip_of(b)->src_addr;
		ip_of(b)->src_addr = rte_cpu_to_be_32(PEER_IP + b->flow);
		eth->dst_addr = g.dp->ifaces[GATEWAY_OUTSIDE].mac;
		checksum(b);
		rte_pktmbuf_free(m[i]);
	}
}

// An inner packet from a host of flow `flow` to one behind this gateway, or to where it must not.
static void inner_make(struct bytes *b, uint32_t flow, unsigned one_in)
{
	static const uint32_t others[] = {
		INSIDE_IP, 0xac140000, 0xac14ffff, 0x0a000001, 0xc0a80001, 0xac100002,
	};
	uint32_t src = GATEWAY_REMOTE_HOST + flow, dst = GATEWAY_LOCAL_HOST + (rng(4) ? 0 : rng(3));

	if (rng(one_in) == 0)
		dst = others[rng(RTE_DIM(others))];
	if (rng(2 * one_in) == 0)
		src++;
	frame_make(b, GATEWAY_OUTSIDE, src, dst, RTE_MIN(length(), (uint16_t)1400));
	b->flow = flow;
	if (rng(one_in) == 0 && oddity_of_ip(b, rng(8)))
		checksum(b);
}

// What happens to an outer packet on its way.
static void mishap(struct bytes *frames, unsigned i)
{
	struct bytes *b = &frames[i];
	struct rte_ipv4_hdr *ip = ip_of(b);

	switch (rng(7)) {
	case 0: // a copy of one before
		*b = frames[rng(i + 1)];
		return;
	case 1: // out of order
		if (i) {
			struct bytes other = frames[i - 1];

			frames[i - 1] = *b;
			*b = other;
		}
		return;
	case 2:
		b->data[RTE_ETHER_HDR_LEN + PACKET_IPV4_MIN +
		        rng(b->len - RTE_ETHER_HDR_LEN - PACKET_IPV4_MIN)] ^=
			(uint8_t)(1 + rng(255));
		return;
	case 3: // marked, or not: also where the inner one cannot be
		ip->type_of_service = (uint8_t)rng(256);
		break;
	case 4:
		ip->total_length =
			rte_cpu_to_be_16((uint16_t)(rte_be_to_cpu_16(ip->total_length) - rng(40)));
		break;
	case 5:
		ip->dst_addr = rte_cpu_to_be_32(INSIDE_IP);
		break;
	default:
		ip->src_addr ^= rte_cpu_to_be_32(1);
	}
	checksum(b);
}

static void in_rounds(unsigned least)
{
	static struct bytes frames[WORKER_BURST];
	static struct stand s;

	taken = 0;
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned n = 1 + rng(WORKER_BURST), one_in = round % 3 ? 8u << rng(5) : 10000;
		uint32_t flow = 0;

		for (unsigned i = 0; i < n; i++) {
			flow = rng(3) ? flow : rng(FLOWS);
			inner_make(&frames[i], flow, one_in);
		}
		encrypt_all(frames, n);
		state_save(&s);
		state_cool(&s);
		for (unsigned i = 0; i < n; i++) {
			if (rng(one_in) == 0)
				mishap(frames, i);
			strew(&frames[i], 2 * one_in);
		}
		both_ways(&s, GATEWAY_OUTSIDE, frames, n);
	}
	assert_true(taken > least);
}

// ---- the tests ----------------------------------------------------------------------------------

static void flows(const struct suite *suite, void (*vary)(struct sa_spec *spec, uint32_t i))
{
	assert_int_equal(gateway_flows(&g, suite, 0), 0);
	g.vary = vary;
	assert_int_equal(gateway_flows(&g, suite, FLOWS), 0);
}

static void every_suite(void **state)
{
	(void)state;
	for (unsigned t = 0; t < RTE_DIM(tried); t++) {
		flows(&tried[t], NULL);
		out_rounds(ROUNDS * FRAMES / 6);
		in_rounds(ROUNDS * WORKER_BURST / 6);
	}
}

static void some_of_each(struct sa_spec *spec, uint32_t i)
{
	spec->esn = i % 4 == 1;
	if (i % 4 == 2) {
		spec->encap = SA_ENCAP_UDP;
		spec->local_port = spec->remote_port = PACKET_NATT_PORT;
	}
	if (i % 4 == 0) // takes what is for anybody, also for another tunnel
		spec->selector.local = (struct ip_prefix){.addr = addr_v4(0), .len = 0};
	spec->replay_window = i % 4 == 3 ? (i == 3 ? 0 : 512) : 64;
}

static void every_kind_of_sa(void **state)
{
	(void)state;
	icmp_errors = 0; // their IDs would be encrypted
	for (unsigned t = 0; t < RTE_DIM(tried); t++) {
		flows(&tried[t], some_of_each);
		out_rounds(ROUNDS * FRAMES / 8);
		in_rounds(ROUNDS * WORKER_BURST / 16);
	}
	icmp_errors = 1000;
}

// The first packets of SAs, some of a burst's or all: they expand the keys amid the others.
static void cold_ones(void **state)
{
	static const struct suite gcm = {SA_CIPHER_AES_GCM_16, 16, SA_AUTH_NONE};

	struct stand s;

	(void)state;
	icmp_errors = 0;
	cold = &s;
	for (unsigned warm = 1; warm <= 3; warm++) {
		g.cold = true;
		flows(&gcm, some_of_each);
		g.cold = false;
		for (unsigned i = 0; i < 2 * FLOWS; i++)
			if (i % warm == 1)
				sa_warm(g.mgr, sa_at(handle_at(i)));
		state_save(&s);
		out_rounds(ROUNDS * FRAMES / 8);
		in_rounds(ROUNDS * WORKER_BURST / 16);
	}
	cold = NULL;
	icmp_errors = 1000;
}

static void clamping(void **state)
{
	(void)state;
	flows(&tried[0], NULL);
	for (unsigned i = 0; i < GATEWAY_IFACES; i++)
		g.dp->ifaces[i].mss = 1200;
	mss_watch(g.dp);
	out_rounds(ROUNDS * FRAMES / 6);
	in_rounds(ROUNDS * WORKER_BURST / 6);
	for (unsigned i = 0; i < GATEWAY_IFACES; i++)
		g.dp->ifaces[i].mss = 0;
	mss_watch(g.dp);
}

static void df_of_its_own(void **state)
{
	struct iface *outside = &g.dp->ifaces[GATEWAY_OUTSIDE];
	uint32_t flags = outside->flags;

	(void)state;
	flows(&tried[0], NULL);
	for (unsigned i = 0; i < 3; i++) {
		outside->flags = flags | (i == 0 ? IFACE_DF_SET : i == 1 ? IFACE_DF_CLEAR : 0);
		outside->mtu = i == 2 ? 600 : 1500;
		out_rounds(i == 2 ? ROUNDS : ROUNDS * FRAMES / 6);
	}
	outside->flags = flags;
	outside->mtu = 1500;
}

// A line for the hosts of flow i that leads to the tunnel of flow t.
static struct dp_policy_rule rule_of(uint32_t i, uint32_t t)
{
	struct ip_addr local = addr_v4(GATEWAY_LOCAL_HOST),
		       remote = addr_v4(GATEWAY_REMOTE_HOST + i);

	return (struct dp_policy_rule){
		.iface = GATEWAY_OUTSIDE,
		.sequence = i + 1,
		.line = 10,
		.permit = true,
		.local = prefix_make(&local, 16),
		.remote = prefix_host(&remote),
		.local_port_hi = UINT16_MAX,
		.remote_port_hi = UINT16_MAX,
		.tunnel = g.flows[t].tunnel,
	};
}

// What was remembered of a flow must not outlive what it was found by.
static void rules_and_routes_that_change(void **state)
{
	struct ip_addr router = addr_v4(OUTSIDE_IP + 7), inside = addr_v4(INSIDE_IP + 1);
	struct ip_addr hosts = addr_v4(GATEWAY_REMOTE_HOST & ~3u), peers = addr_v4(PEER_IP);
	struct ip_prefix to_hosts = prefix_make(&hosts, 30), to_peers = prefix_make(&peers, 30);
	static struct bytes frames[FRAMES];
	struct dp_policy_rule rule;
	struct stand s;

	(void)state;
	flows(&tried[0], NULL);
	taken = 0;
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint32_t host = GATEWAY_REMOTE_HOST, i = rng(FLOWS);

		switch (rng(7)) {
		case 0: // other rules say where to, or none
			dp_policy_del(g.dp, g.flows[i].policy);
			rule = rule_of(i, rng(FLOWS));
			if (rng(5))
				assert_int_equal(dp_policy_add(g.dp, &rule, &g.flows[i].policy), 0);
			break;
		case 1: // the hosts are elsewhere: without a crypto map on the way
			(void)dp_route_add(g.dp, &to_hosts, &inside, GATEWAY_INSIDE);
			break;
		case 2:
			dp_route_del(g.dp, &to_hosts);
			break;
		case 3:
			(void)dp_route_add(g.dp, &to_peers, &router, GATEWAY_OUTSIDE);
			break;
		case 4:
			dp_route_del(g.dp, &to_peers);
			break;
		case 5:
			g.dp->ifaces[GATEWAY_OUTSIDE].flags ^= IFACE_CRYPTO_MAP;
			break;
		default:
			g.dp->ifaces[GATEWAY_OUTSIDE].flags |= IFACE_CRYPTO_MAP;
		}
		state_save(&s);
		for (i = 0; i < FRAMES; i++)
			frame_from_inside(&frames[i], &host, 10000);
		both_ways(&s, GATEWAY_INSIDE, frames, FRAMES);
	}
	assert_true(taken > ROUNDS);
	g.dp->ifaces[GATEWAY_OUTSIDE].flags |= IFACE_CRYPTO_MAP;
	dp_route_del(g.dp, &to_hosts);
	dp_route_del(g.dp, &to_peers);
}

// Flows that get new SAs, whose slots others had before: the right ones are used, and last_out is
// that of all.
static void sas_that_change(void **state)
{
	static struct bytes frames[FRAMES];
	tick_t when, before = 0;
	struct stand s;

	(void)state;
	flows(&tried[0], NULL);
	taken = 0;
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint32_t host = GATEWAY_REMOTE_HOST, i = rng(FLOWS);
		bool went = dp_tunnel_last_out(g.dp, g.flows[i].tunnel, &before);

		assert_int_equal(gateway_rekey(&g, i), 0);
		gateway_settle(&g);
		assert_int_equal(sa_at(g.flows[i].out)->last_out, 0);
		assert_int_equal(dp_tunnel_last_out(g.dp, g.flows[i].tunnel, &when), went);
		assert_true(!went || when == before);
		state_save(&s);
		for (i = 0; i < FRAMES; i++)
			frame_from_inside(&frames[i], &host, 10000);
		both_ways(&s, GATEWAY_INSIDE, frames, FRAMES);
	}
	assert_true(taken > ROUNDS * FRAMES / 10);
}

// Some peers are behind a router whose address nobody knows yet.
static void ways_that_are_closed(void **state)
{
	struct ip_addr router = addr_v4(OUTSIDE_IP + 7), peers = addr_v4(PEER_IP + 4);
	struct ip_prefix network = prefix_make(&peers, 30);

	(void)state;
	flows(&tried[0], NULL);
	assert_int_equal(dp_route_add(g.dp, &network, &router, GATEWAY_OUTSIDE), 0);
	out_rounds(2 * ROUNDS);
	in_rounds(ROUNDS * WORKER_BURST / 6);
	g.dp->ifaces[GATEWAY_INSIDE].flags &= ~(uint32_t)IFACE_UP;
	in_rounds(ROUNDS * WORKER_BURST / 6);
	g.dp->ifaces[GATEWAY_INSIDE].flags |= IFACE_UP;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_suite),     cmocka_unit_test(every_kind_of_sa),
		cmocka_unit_test(cold_ones),       cmocka_unit_test(clamping),
		cmocka_unit_test(df_of_its_own),   cmocka_unit_test(rules_and_routes_that_change),
		cmocka_unit_test(sas_that_change), cmocka_unit_test(ways_that_are_closed),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
