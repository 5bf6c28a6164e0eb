// Four workers on two CPUs, in one running dataplane with four queues a port: order within a flow,
// exact replay protection, nothing lost in handoff, and how many packets cross from one worker to
// another, also where a NIC does what rte_flow asks of it (flow_model.h). The test is the network:
// rings in place of the ports' devices, and whatever distribution over the queues it likes. On two
// CPUs it proves correctness, not speed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <rte_eth_ring.h>
#include <stdlib.h>
#include <unistd.h>

#include "flow_model.h"

#include "addr.h"
#include "sa_table.h"
#include "steer.h"
#include "suites.h"
#include "test_eal.h"
#include "tunnel.h"
#include "wire.h"
#include "worker.h"

#define WORKERS  4u
#define FLOWS    64u
#define PACKETS  200u // of each flow in a round
#define TOTAL    (FLOWS * PACKETS)
#define FLIGHT   256u // packets under way at a time: less than any ring holds
#define RING     1024u
#define INSIDE   0
#define OUTSIDE  1
#define LEN      200       // of an inner packet
#define PATIENCE 20000000u // us
#define LOCAL    0x0a010001u
#define REMOTE   0x0a020001u // flow i: REMOTE + i
#define PEERS    0x64400001u // 100.64.0.1
#define NUMBER   28          // where a packet's number stands behind its IPv4 header
#define ESP_MAX  512

struct flow {
	struct handle tunnel, in, out;
	struct sa_spec spec;
	uint32_t sent, seen; // numbers of inner packets
	uint32_t sequence;   // last one on the wire
	unsigned ring;       // on which it left
};

// An ESP packet that has been on the wire.
struct taken {
	uint16_t flow, len;
	uint8_t ip[ESP_MAX];
};

static struct dp *dp;
static struct rte_ring *to_gw[2][WORKERS], *from_gw[2][WORKERS];
static struct flow flows[FLOWS];
static struct taken wire[TOTAL];
static uint8_t delivered[FLOWS][4 * PACKETS];
static unsigned in_use;
static const uint8_t host_mac[6] = {2, 0, 0, 0, 0, 0x99};

// ---- the network -------------------------------------------------------------------------------

static int rings_make(unsigned port)
{
	char name[32];
	int id;

	for (unsigned q = 0; q < WORKERS; q++) {
		snprintf(name, sizeof(name), "rx_%u_%u", port, q);
		to_gw[port][q] =
			rte_ring_create(name, RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		snprintf(name, sizeof(name), "tx_%u_%u", port, q);
		from_gw[port][q] =
			rte_ring_create(name, RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (!to_gw[port][q] || !from_gw[port][q])
			return -1;
	}
	snprintf(name, sizeof(name), "wire%u", port);
	id = rte_eth_from_rings(name, to_gw[port], WORKERS, from_gw[port], WORKERS, 0);
	return id;
}

// A device that hands over and takes what the test puts into its rings.
static int device_replace(uint16_t iface)
{
	struct rte_eth_conf conf = {0};
	int port = rings_make(iface), rc;

	if (port < 0)
		return -1;
	rc = rte_eth_dev_configure((uint16_t)port, WORKERS, WORKERS, &conf);
	for (uint16_t q = 0; q < WORKERS && rc == 0; q++) {
		rc = rte_eth_rx_queue_setup((uint16_t)port, q, 512, 0, NULL, dp->pool);
		if (rc == 0)
			rc = rte_eth_tx_queue_setup((uint16_t)port, q, 512, 0, NULL);
	}
	if (rc == 0)
		rc = rte_eth_dev_start((uint16_t)port);
	steer_stop(dp, iface);
	dp->ifaces[iface].port = (uint16_t)port;
	steer_start(dp, iface, false);
	for (unsigned i = 0; i < WORKERS; i++)
		for (unsigned q = 0; q < dp->workers[i]->n_rxqs; q++)
			if (dp->workers[i]->rxqs[q].iface == iface)
				dp->workers[i]->rxqs[q].port = (uint16_t)port;
	return rc;
}

static int iface_up(uint16_t iface, uint32_t address)
{
	struct dp_iface_config c = {.mtu = 1500,
	                            .up = true,
	                            .address = addr_v4(address),
	                            .crypto_map = iface == OUTSIDE};
	struct ip_addr hop = addr_v4(address + 10);

	c.network = prefix_make(&c.address, 24);
	return dp_iface_set(dp, iface, &c) || dp_neighbour_set(dp, iface, &hop, host_mac);
}

// The network of this address is behind this interface.
static int network_is(uint32_t address, uint16_t iface)
{
	struct ip_addr net = addr_v4(address), hop;
	struct ip_prefix prefix = prefix_make(&net, 16);

	hop = addr_v4(iface == OUTSIDE ? 0xc000020b : 0xac10000b);
	return dp_route_add(dp, &prefix, &hop, iface);
}

// A pair of SAs of which the inbound one takes what the outbound one made.
static int flow_make(unsigned i)
{
	const struct suite suite = {SA_CIPHER_AES_GCM_16, 16, SA_AUTH_NONE};
	struct ip_addr remote = addr_v4(REMOTE + i);
	struct sa_spec spec = suite_spec(&suite, i + 1), in;
	struct dp_tunnel_spec tunnel = {.iface = OUTSIDE, .peer = DP_NO_PEER};
	struct flow *f = &flows[i];
	struct dp_policy_rule rule = {.iface = OUTSIDE,
	                              .sequence = i + 1,
	                              .line = 10,
	                              .permit = true,
	                              .local_port_hi = UINT16_MAX,
	                              .remote_port_hi = UINT16_MAX};
	struct handle policy;
	int rc;

	spec.replay_window = 4096;
	spec.remote = addr_v4(PEERS + i); // each pair of addresses has its owner
	spec.selector.remote = prefix_host(&remote);
	tunnel.selector = spec.selector;
	rc = dp_tunnel_add(dp, &tunnel, &f->tunnel);
	rule.local = spec.selector.local;
	rule.remote = spec.selector.remote;
	rule.tunnel = f->tunnel;
	if (rc == 0)
		rc = dp_policy_add(dp, &rule, &policy);
	if (rc == 0)
		rc = dp_sa_reserve(dp, &spec.local, &spec.remote, &f->in, &spec.spi);
	in = spec;
	in.selector = selector_mirror(&spec.selector);
	if (rc == 0)
		rc = dp_sa_add_in(dp, f->in, &in, f->tunnel);
	if (rc == 0)
		rc = dp_sa_add_out(dp, &spec, f->tunnel, f->in, &f->out);
	dp_tunnel_use(dp, f->tunnel, f->out);
	f->spec = spec;
	f->ring = UINT32_MAX;
	return rc;
}

// Until the owners have all that they were told: a flow takes in few packets before its SA.
static int flows_ready(void)
{
	for (unsigned i = 0, idle = 0; i < FLOWS; i++) {
		const struct tunnel *t = chunks_at(&dp->tunnels->tunnels, flows[i].tunnel.index);

		for (; !__atomic_load_n(&t->sa, __ATOMIC_ACQUIRE); idle += 1000)
			if (idle > PATIENCE || usleep(1000))
				return -1;
	}
	return 0;
}

static int start(void **state)
{
	unsigned second = sysconf(_SC_NPROCESSORS_ONLN) > 1;
	const unsigned cpus[WORKERS] = {0, second, 0, second};
	static const struct dp_port_config ports[2] = {
		{.name = "inside", .device = "net_null0,no-rx=1", .rx_queues = WORKERS},
		{.name = "outside", .device = "net_null1,no-rx=1", .rx_queues = WORKERS}};
	const struct dp_config config = {.ports = ports,
	                                 .n_ports = 2,
	                                 .worker_cpus = cpus,
	                                 .n_workers = WORKERS,
	                                 .memory_mb = 512,
	                                 .idle_adaptive = true,
	                                 .max_peers = FLOWS,
	                                 .max_tunnels = FLOWS,
	                                 .max_sas = 2 * FLOWS,
	                                 .max_ike_sas = 8};
	char err[256];
	int rc;

	(void)state;
	dp = dp_prepare(&config, NULL, err, sizeof(err));
	if (!dp) {
		print_error("%s\n", err);
		return -1;
	}
	rc = device_replace(INSIDE) || device_replace(OUTSIDE) || iface_up(INSIDE, 0xac100001) ||
	     iface_up(OUTSIDE, 0xc0000201) || network_is(PEERS, OUTSIDE);
	for (unsigned i = 0; i < FLOWS && rc == 0; i++)
		rc = flow_make(i);
	if (rc == 0)
		rc = dp_launch(dp);
	if (rc == 0)
		rc = flows_ready();
	in_use = rte_mempool_in_use_count(dp->pool);
	return rc;
}

static int stop(void **state)
{
	struct rte_mbuf *m;

	(void)state;
	for (unsigned q = 0; q < WORKERS; q++)
		for (unsigned p = 0; p < 2; p++)
			while (rte_ring_dequeue(to_gw[p][q], (void **)&m) == 0)
				rte_pktmbuf_free(m);
	dp_stop(dp);
	return 0;
}

// ---- packets -----------------------------------------------------------------------------------

static struct rte_mbuf *frame_alloc(uint16_t iface, uint16_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(dp->pool);
	struct rte_ether_hdr *eth;

	assert_non_null(m);
	eth = (struct rte_ether_hdr *)rte_pktmbuf_append(m, (uint16_t)(sizeof(*eth) + len));
	eth->dst_addr = dp->ifaces[iface].mac;
	memcpy(&eth->src_addr, host_mac, sizeof(host_mac));
	eth->ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	return m;
}

static void put(uint16_t iface, unsigned queue, struct rte_mbuf *m)
{
	assert_int_equal(rte_ring_enqueue(to_gw[iface][queue], m), 0);
}

// The flow's next packet comes in on a queue of the inside.
static void send_plain(unsigned flow, unsigned queue)
{
	struct rte_mbuf *m = frame_alloc(INSIDE, LEN);
	struct rte_ipv4_hdr *ip =
		rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, RTE_ETHER_HDR_LEN);

	memset(ip, 0, LEN);
	*ip = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF,
	                            .total_length = rte_cpu_to_be_16(LEN),
	                            .time_to_live = 64,
	                            .next_proto_id = IPPROTO_UDP,
	                            .src_addr = rte_cpu_to_be_32(LOCAL),
	                            .dst_addr = rte_cpu_to_be_32(REMOTE + flow)};
	packet_checksum_ipv4(ip);
	bytes_put_u32((uint8_t *)ip + NUMBER, ++flows[flow].sent);
	put(INSIDE, queue, m);
}

// A packet that has been on the wire comes back from the peer; BY_RULE: where the NIC brings it.
#define BY_RULE UINT32_MAX

static void send_esp(const struct taken *t, unsigned queue)
{
	struct rte_mbuf *m = frame_alloc(OUTSIDE, t->len);
	struct rte_ipv4_hdr *ip =
		rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, RTE_ETHER_HDR_LEN);
	uint32_t from;

	memcpy(ip, t->ip, t->len);
	from = ip->src_addr; // the checksum holds for both directions
	ip->src_addr = ip->dst_addr;
	ip->dst_addr = from;
	if (queue == BY_RULE) {
		int ruled = model_queue(dp->ifaces[OUTSIDE].port, rte_pktmbuf_mtod(m, uint8_t *));

		assert_true(ruled >= 0);
		queue = (unsigned)ruled;
	}
	put(OUTSIDE, queue, m);
}

static struct rte_mbuf *next_of(uint16_t iface, unsigned *queue)
{
	static unsigned turn;
	struct rte_mbuf *m;

	for (unsigned i = 0; i < WORKERS; i++) {
		*queue = turn++ % WORKERS;
		if (rte_ring_dequeue(from_gw[iface][*queue], (void **)&m) == 0)
			return m;
	}
	return NULL;
}

static uint64_t counter(enum counter c)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < WORKERS; w++)
		sum += dp_counter(dp, w, c);
	return sum;
}

static uint64_t drops(void)
{
	uint64_t sum = 0;

	for (unsigned c = 0; c < DROP_REASONS; c++)
		sum += counter((enum counter)c);
	return sum;
}

static void tell_drops(void)
{
	for (unsigned c = 0; c < DROP_REASONS; c++)
		if (counter((enum counter)c))
			print_error("%s: %lu\n", drop_name(c),
			            (unsigned long)counter((enum counter)c));
}

// The rate at which packets crossed from one worker to another since `before`.
static double crossings(uint64_t before, const char *what)
{
	double rate = (double)(counter(COUNT_HANDOFF) - before) / TOTAL;

	print_message("# %s: %.3f handoffs a packet\n", what, rate);
	return rate;
}

// ---- rounds ------------------------------------------------------------------------------------

// Takes one ESP packet off the wire: its sequence number follows the one before it at once, and it
// left by the same queue, so that no port can put them out of order. False: there is none now.
static bool take_esp(struct taken *t)
{
	unsigned queue;
	struct rte_mbuf *m = next_of(OUTSIDE, &queue);
	const uint8_t *esp;
	struct flow *f = NULL;

	if (!m)
		return false;
	t->len = (uint16_t)(rte_pktmbuf_data_len(m) - RTE_ETHER_HDR_LEN);
	assert_true(t->len <= ESP_MAX);
	memcpy(t->ip, rte_pktmbuf_mtod_offset(m, uint8_t *, RTE_ETHER_HDR_LEN), t->len);
	rte_pktmbuf_free(m);
	esp = t->ip + sizeof(struct rte_ipv4_hdr);
	for (unsigned i = 0; i < FLOWS && !f; i++)
		if (flows[i].spec.spi == bytes_get_u32(esp))
			f = &flows[i];
	assert_non_null(f);
	t->flow = (uint16_t)(f - flows);
	assert_int_equal(bytes_get_u32(esp + 4), f->sequence + 1);
	f->sequence++;
	assert_true(f->ring == UINT32_MAX || f->ring == queue);
	f->ring = queue;
	return true;
}

static unsigned any_queue(unsigned flow)
{
	return flow / WORKERS % WORKERS; // each owner meets each queue
}

static unsigned owners_queue(unsigned flow)
{
	return tunnel_owner(dp->tunnels, flows[flow].tunnel.index);
}

// PACKETS of each flow, in random order of flows, out to the wire.
static void outbound(unsigned (*queue)(unsigned flow))
{
	uint32_t sent = 0, taken = 0, goal = flows[0].sent + PACKETS;

	for (unsigned idle = 0; taken < TOTAL && idle < PATIENCE;) {
		unsigned flow = rng(FLOWS);

		if (sent - taken < FLIGHT && sent < TOTAL) {
			while (flows[flow].sent == goal)
				flow = (flow + 1) % FLOWS;
			send_plain(flow, queue(flow));
			sent++;
		} else if (take_esp(&wire[taken])) {
			taken++;
			idle = 0;
		} else {
			usleep(10);
			idle += 10;
		}
	}
	if (drops())
		tell_drops();
	assert_int_equal(taken, TOTAL);
	assert_int_equal(drops(), 0);
}

// One inner packet that came out inside; its flow and number. False: none now.
static bool take_plain(unsigned *flow, uint32_t *number)
{
	unsigned queue;
	struct rte_mbuf *m = next_of(INSIDE, &queue);
	const uint8_t *ip;

	if (!m)
		return false;
	assert_int_equal(rte_pktmbuf_data_len(m), RTE_ETHER_HDR_LEN + LEN);
	ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, RTE_ETHER_HDR_LEN);
	*flow = bytes_get_u32(ip + 16) - REMOTE;
	*number = bytes_get_u32(ip + NUMBER);
	rte_pktmbuf_free(m);
	assert_true(*flow < FLOWS);
	return true;
}

static unsigned queue_by_rule(unsigned flow)
{
	(void)flow;
	return BY_RULE;
}

// All that is on the wire comes back in its order; so do the packets inside, none is missing.
static void inbound(unsigned (*queue)(unsigned flow))
{
	uint32_t sent = 0, taken = 0, number;
	unsigned flow;

	for (unsigned idle = 0; taken < TOTAL && idle < PATIENCE;) {
		if (sent - taken < FLIGHT && sent < TOTAL) {
			send_esp(&wire[sent], queue(wire[sent].flow));
			sent++;
		} else if (take_plain(&flow, &number)) {
			assert_int_equal(number, ++flows[flow].seen);
			taken++;
			idle = 0;
		} else {
			usleep(10);
			idle += 10;
		}
	}
	if (drops())
		tell_drops();
	assert_int_equal(taken, TOTAL);
	assert_int_equal(drops(), 0);
}

static void test_order_and_no_loss(void **state)
{
	uint64_t before = counter(COUNT_HANDOFF);

	(void)state;
	assert_int_equal(network_is(REMOTE, OUTSIDE), 0);
	outbound(any_queue);
	assert_true(crossings(before, "outbound, on any queue") > 0.5);
	before = counter(COUNT_HANDOFF);
	assert_int_equal(network_is(REMOTE, INSIDE), 0);
	inbound(any_queue);
	assert_true(crossings(before, "inbound, on any queue") > 0.5);
}

// Where the port steers by SPI, and flows come in at their owners, nothing crosses, and each worker
// has as many SAs as the others.
static void test_steered_packets_do_not_cross(void **state)
{
	uint64_t before = counter(COUNT_HANDOFF);

	(void)state;
	for (unsigned w = 0; w < WORKERS; w++)
		assert_int_equal(dp->sas->inbound[w], FLOWS / WORKERS);
	assert_int_equal(network_is(REMOTE, OUTSIDE), 0);
	outbound(owners_queue);
	assert_true(crossings(before, "outbound, at the flow's owner") == 0);
	assert_int_equal(network_is(REMOTE, INSIDE), 0);
	inbound(queue_by_rule);
	assert_true(crossings(before, "inbound, steered by SPI") == 0);
}

#define COPIES 3
#define NEAR   128u // how far packets get out of order

// Every packet three times, on any queues, out of order: each is delivered exactly once.
static void test_copies_on_several_queues(void **state)
{
	static uint32_t order[COPIES * TOTAL];
	uint64_t handoffs, replays, gone = 0, pieces = 0;
	uint32_t number, sent = 0;
	unsigned flow;

	(void)state;
	assert_int_equal(network_is(REMOTE, OUTSIDE), 0);
	outbound(any_queue);
	assert_int_equal(network_is(REMOTE, INSIDE), 0);
	handoffs = counter(COUNT_HANDOFF);
	for (uint32_t i = 0; i < COPIES * TOTAL; i++)
		order[i] = i / COPIES;
	for (uint32_t i = 0; i + NEAR < COPIES * TOTAL; i++) {
		uint32_t k = i + rng(NEAR), swap = order[i];

		order[i] = order[k];
		order[k] = swap;
	}
	for (unsigned idle = 0; gone < COPIES * TOTAL && idle < PATIENCE;) {
		replays = counter(DROP_ESP_REPLAY) + counter(DROP_ESP_REPLAY_LATE);
		gone = pieces + replays;
		if (sent - gone < FLIGHT && sent < COPIES * TOTAL) {
			send_esp(&wire[order[sent++]], rng(WORKERS));
		} else if (take_plain(&flow, &number)) {
			assert_true(number <= 4 * PACKETS);
			assert_int_equal(delivered[flow][number - 1], 0);
			delivered[flow][number - 1] = 1;
			pieces++;
			idle = 0;
		} else {
			usleep(10);
			idle += 10;
		}
	}
	replays = counter(DROP_ESP_REPLAY) + counter(DROP_ESP_REPLAY_LATE);
	if (pieces != TOTAL)
		tell_drops();
	assert_int_equal(pieces, TOTAL);
	assert_int_equal(replays, (COPIES - 1) * TOTAL);
	assert_int_equal(drops(), replays);
	(void)crossings(handoffs, "three copies of each");
}

// Far more than there is room for: what is not delivered was counted, and nothing is out of order.
static void test_overload_is_counted(void **state)
{
	uint64_t before = drops(), lost;
	uint32_t sent = 0, taken = 0, last[FLOWS];
	struct rte_mbuf *m;
	unsigned queue;

	(void)state;
	assert_int_equal(network_is(REMOTE, OUTSIDE), 0);
	for (unsigned i = 0; i < FLOWS; i++)
		last[i] = flows[i].sequence;
	for (unsigned tries = 0; sent < 12 * RING && tries < 3000;) {
		unsigned flow = rng(FLOWS);

		if (rte_ring_full(to_gw[INSIDE][any_queue(flow)])) {
			usleep(1000); // nobody takes anything off the wire
			tries++;
			continue;
		}
		send_plain(flow, any_queue(flow));
		sent++;
	}
	for (unsigned idle = 0; idle < 2000000 && taken + drops() - before < sent;) {
		m = next_of(OUTSIDE, &queue);
		if (!m) {
			usleep(100);
			idle += 100;
			continue;
		}
		for (unsigned i = 0; i < FLOWS; i++) {
			const uint8_t *esp = rte_pktmbuf_mtod_offset(m, const uint8_t *, 34);

			if (flows[i].spec.spi != bytes_get_u32(esp))
				continue;
			assert_true(bytes_get_u32(esp + 4) > last[i]);
			last[i] = bytes_get_u32(esp + 4);
		}
		rte_pktmbuf_free(m);
		taken++;
	}
	lost = drops() - before;
	print_message("# overload: %u sent, %u delivered, %lu counted as dropped\n", sent, taken,
	              (unsigned long)lost);
	assert_int_equal(taken + lost, sent);
	assert_true(lost > 0);
}

static void test_no_packet_is_lost(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3000 && rte_mempool_in_use_count(dp->pool) > in_use; i++)
		usleep(1000);
	assert_int_equal(rte_mempool_in_use_count(dp->pool), in_use);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_no_loss),
		cmocka_unit_test(test_steered_packets_do_not_cross),
		cmocka_unit_test(test_copies_on_several_queues),
		cmocka_unit_test(test_overload_is_counted),
		cmocka_unit_test(test_no_packet_is_lost),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
